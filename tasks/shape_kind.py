"""What kind of shape an asset is, as data sets are filtered by: flat, needle-like, or a single surface."""

from __future__ import annotations

import numpy as np

from tasks.coordinate_maps import OPEN, DepthPair, depth_pairs, frame_along, own_frame
from tasks.subject import Subject

SIZE = 128  # pixels a side
SAME = 1e-4  # of the diagonal: ten times what float32 depths lose, a tenth of the thinnest blade


def shape_metrics(subject: Subject) -> dict[str, float]:
    """shape.thinness, shape.slenderness and shape.single_surface; nothing for an asset without an area.

    A single surface (a scan, a relief) is the same seen from either end of an axis: Step1X-3D (Li et al. 2025) compares
    coordinate maps of opposite views. Ours are taken along the asset's own axes, as scans lie askew, and along its mean
    normal: of a closed surface that is zero, of a scan it points to the scanner.
    """
    if not (subject.areas > 0.0).any():
        return {}
    frame = own_frame(subject)
    longest = float(frame.extents[0])
    pairs = depth_pairs(subject, frame.axes, SIZE)
    mean = subject.areas @ subject.normals
    if float(np.linalg.norm(mean)) >= OPEN * float(subject.areas.sum()):
        pairs += depth_pairs(subject, frame_along(mean), SIZE, along=(2,))
    return {
        "shape.thinness": float(frame.extents[2]) / longest,
        "shape.slenderness": float(frame.extents[1]) / longest,
        "shape.single_surface": max(_coincidence(pair, SAME * subject.diagonal) for pair in pairs),
    }


def _coincidence(pair: DepthPair, reach: float) -> float:
    """Share of the pixels in which both ends see the same surface."""
    seen = np.isfinite(pair.near) & np.isfinite(pair.far)
    if not seen.any():
        return 0.0
    return float((np.abs(pair.near[seen] + pair.far[seen] - pair.between) <= reach).mean())
