"""What an asset looks like along its own three axes: the frame it is smallest in, and depths from both ends of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.asset import F32, Asset, make_part
from tasks.sampling import uniform_samples
from tasks.subject import Subject
from tasks.topology import F64
from tasks.view_cameras import orthographic_cameras
from tasks.views import render_views

OPEN = 0.05  # length of the mean normal from which a surface is open: that of a closed one is zero
SAMPLES = 4096  # places that the main axes are taken from
PAIRS = ((1, 3), (4, 5), (0, 2))  # cameras of `orthographic_cameras` that look along X, Y and Z from either end


@dataclass(frozen=True)
class OwnFrame:
    """An asset turned so that it is longest along X and thinnest along Z, local units."""

    axes: F64  # (3, 3) unit rows, right-handed: its X, Y and Z in the subject's frame
    extents: F64  # (3,) longest first


@dataclass(frozen=True)
class DepthPair:
    """Depth from both ends of an axis, the second picture mirrored: a pixel is the same line through the asset."""

    near: F32  # (s, s) from the positive end, inf where nothing is
    far: F32  # (s, s) from the negative end
    between: float  # the distance of the two cameras: near + far where one surface is seen from both sides


def own_frame(subject: Subject) -> OwnFrame:
    """The axes of the box, or the main axes of the surface where its box along these is smaller."""
    used = subject.points[np.unique(subject.faces)]
    samples = uniform_samples(subject.points, subject.faces, SAMPLES).points.astype(np.float64)
    _, vectors = np.linalg.eigh(np.cov((samples - samples.mean(axis=0)).T))
    frames = [np.eye(3), vectors.T]
    volumes = [float(np.prod(np.ptp(used @ axes.T, axis=0))) for axes in frames]
    axes = frames[int(volumes[1] < 0.99 * volumes[0])]
    extents = np.ptp(used @ axes.T, axis=0)
    order = np.argsort(-extents, kind="stable")
    axes = axes[order]
    axes[2] = np.cross(axes[0], axes[1])
    return OwnFrame(axes, extents[order])


def frame_along(direction: F64) -> F64:
    """(3, 3) unit rows, right-handed, the last of them along (3,) direction."""
    last = direction / np.linalg.norm(direction)
    first = np.cross(np.eye(3)[np.argmin(np.abs(last))], last)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(last, first), last])


def depth_pairs(subject: Subject, axes: F64, size: int, along: tuple[int, ...] = (0, 1, 2)) -> list[DepthPair]:
    """The depths along some of the axes (3, 3) at `size` pixels."""
    asset = Asset((make_part(subject.points @ axes.T, subject.faces[subject.solid]),))
    cameras = orthographic_cameras(asset.bounds())
    chosen = [cameras[index] for axis in along for index in PAIRS[axis]]
    depth = render_views(asset, chosen, size).depth
    ends = [np.linalg.norm(np.subtract(a.eye, b.eye)) for a, b in zip(chosen[::2], chosen[1::2], strict=True)]
    return [DepthPair(depth[2 * k], depth[2 * k + 1, :, ::-1], float(distance)) for k, distance in enumerate(ends)]
