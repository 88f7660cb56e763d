"""Seams: how far the base colour jumps where a smooth surface was cut to lie in the UV square."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32
from ml.color_space import to_oklab
from tasks.source_samples import SourceSamples
from tasks.subject import Subject
from tasks.topology import F64

PLACES = 4  # looked at along each seam edge
BEND = float(np.sqrt(0.5))  # cosine of 45°: across a sharper edge a change of colour is what a designer paints
SAME = 1e-6  # UV units: 0.008 texels of an 8K map
MOST = 1 << 15  # edges looked at, every k-th of more


def seam_metrics(subject: Subject) -> dict[str, float]:
    """texture.seam_mean, texture.seam_p95: OKLab distances (Ottosson 2020; 0.02 is just seen, black to white is 1).

    On both sides of a cut the colour is read on the edge, one and two texels inside. The jump is the largest of side
    against side and of edge against inside on either (a chart that its background bleeds into), less what the texture
    varies by between one and two texels anyway. Length of seam weighs. Only cuts inside one part whose faces meet at
    less than 45°; nothing where there are none.
    """
    first, second = _seams(subject)
    if not len(first):
        return {}
    step = -(-len(first) // MOST)
    first, second = first[::step], second[::step]
    samples = SourceSamples(subject.asset, subject.decoded)
    near, far = (_side(subject, samples, halves, turn) for halves, turn in ((first, False), (second, True)))
    noise = np.maximum(_apart(near[1], near[2]), _apart(far[1], far[2]))
    jump = np.maximum(_apart(near[1], far[1]), np.maximum(_apart(near[0], near[1]), _apart(far[0], far[1])))
    excess = np.maximum(jump - noise, 0.0)
    weights = np.repeat(_lengths(subject, first), PLACES)
    if not weights.sum() > 0.0:
        return {}
    order = np.argsort(excess)
    reached = np.cumsum(weights[order]) / weights.sum()
    return {
        "texture.seam_mean": float((excess * weights).sum() / weights.sum()),
        "texture.seam_p95": float(excess[order][np.searchsorted(reached, 0.95)]),
    }


def _seams(subject: Subject) -> tuple[I32, I32]:
    """The two half-edges of each edge that is a seam: (k,), (k,), running against each other."""
    offsets, halves = subject.edges
    starts = offsets[:-1][np.diff(offsets) == 2]
    g, h = halves[starts], halves[starts + 1]
    f, e = g // 3, h // 3
    parts = subject.asset.parts
    textured = np.array([p.uv is not None and p.material.base_color_texture is not None for p in parts])
    keep = textured[subject.owner[f]] & (subject.owner[f] == subject.owner[e])
    keep &= np.einsum("ij,ij->i", subject.normals[f], subject.normals[e]) > BEND
    keep &= subject.faces[f, g % 3] == subject.faces[e, (h % 3 + 1) % 3]
    g, h = g[keep], h[keep]
    uv = subject.corner_uv
    gap = np.abs(uv[g // 3, g % 3] - uv[h // 3, (h % 3 + 1) % 3]).max(axis=1)
    gap = np.maximum(gap, np.abs(uv[g // 3, (g % 3 + 1) % 3] - uv[h // 3, h % 3]).max(axis=1))
    return g[gap > SAME], h[gap > SAME]


def _side(subject: Subject, samples: SourceSamples, halves: I32, turn: bool) -> list[F32]:
    """OKLab (k·PLACES, 3) at the edge, and one and two texels inside its face."""
    face, corner = halves // 3, halves % 3
    uv = subject.corner_uv[face]
    rows = np.arange(len(face))
    a, b, c = (uv[rows, (corner + k) % 3] for k in range(3))
    along, up = (b - a), (c - a)
    base = np.linalg.norm(along, axis=1)
    height = np.abs(along[:, 0] * up[:, 1] - along[:, 1] * up[:, 0]) / np.maximum(base, 1e-12)
    texel = subject.texel[subject.owner[face]]
    places = (np.arange(PLACES) + 0.5) / PLACES
    at = np.tile(places[::-1] if turn else places, len(face))
    colors = []
    for inside in (0.0, 1.0, 2.0):
        share = np.repeat(np.minimum(inside * texel / np.maximum(height, 1e-12), 0.3 * inside), PLACES)
        weights = np.empty((len(at), 3), np.float32)
        spread = np.repeat(corner, PLACES)
        everywhere = np.arange(len(at))
        weights[everywhere, spread] = (1.0 - share) * (1.0 - at)
        weights[everywhere, (spread + 1) % 3] = (1.0 - share) * at
        weights[everywhere, (spread + 2) % 3] = share
        hits = samples.hits(np.repeat(face, PLACES).astype(np.int32), weights)
        colors.append(to_oklab(samples.base_color(hits)[:, :3]))
    return colors


def _apart(a: F32, b: F32) -> F64:
    distance: npt.NDArray[np.float64] = np.linalg.norm(a.astype(np.float64) - b, axis=1)
    return distance


def _lengths(subject: Subject, halves: I32) -> F64:
    face, corner = halves // 3, halves % 3
    ends = subject.points[subject.faces[face, corner]], subject.points[subject.faces[face, (corner + 1) % 3]]
    lengths: F64 = np.linalg.norm(ends[0] - ends[1], axis=1)
    return lengths
