"""What an edit by a model starts from and ends in: the closed surface, the box, where it may change, and old looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, Asset, InputError, Part
from tasks.cut_small import cut_small
from tasks.outer_surface import OuterSurface, outer_surface
from tasks.region import FALLOFF, Region, part_indices, point_weights
from tasks.shape_examples import Box
from tasks.signed_distance import DistanceField, build_distance_field, signed_distance

F64 = npt.NDArray[np.float64]

SAME = 1e-4  # of the diagonal: a new surface that nowhere moves farther is no other shape
FINEST = 0.02  # of the diagonal: the size of old faces near a region, so that they end where it begins


@dataclass(frozen=True)
class Frame:
    """The asset's surface, its box, and the region in which it may change."""

    surface: OuterSurface
    box: Box
    region: Region  # shrunk by `width`, so that weights fall to 0 at its border
    width: float  # metres
    diagonal: float  # of the asset, metres

    @cached_property
    def old(self) -> DistanceField:
        """What distances to the surface are asked of."""
        return build_distance_field(self.surface.vertices, self.surface.faces)

    def metres(self, points: npt.NDArray[np.floating]) -> F64:
        """(n, 3) points of the box frame in metres."""
        return np.asarray(points.astype(np.float64) * (self.box.extents * self.box.reach) + self.box.centre)

    def distances(self, places: F64) -> F64:
        """(n,) signed distances of places in metres to the surface, isotropic units of the box."""
        return signed_distance(self.old, places).distance / self.box.reach

    def near(self, part: Part) -> npt.NDArray[np.bool_]:
        """(m,) whether the box of a face meets the box around the region."""
        low: list[Any] = [box[:3] for box in self.region.boxes] + [
            np.subtract(b[:3], b[3]) for b in self.region.spheres
        ]
        high: list[Any] = [box[3:] for box in self.region.boxes] + [np.add(b[:3], b[3]) for b in self.region.spheres]
        corners = part.vertices[part.faces]
        above = corners.max(axis=1) >= np.min(low, axis=0) - self.width
        return np.asarray((above & (corners.min(axis=1) <= np.max(high, axis=0) + self.width)).all(axis=1))

    def weights(self, places: F64) -> F32:
        """(n,) how much of the new shape there is at places in metres: 0 outside the region, 1 deep inside."""
        if self.region.whole:
            return np.ones(len(places), np.float32)
        return point_weights(places.astype(np.float32), self.region, self.width)


def edit_frame(asset: Asset, region: Region, box: Box) -> Frame:
    """Named parts count as the boxes around them; boxes and spheres shrink by the width of the blend.

    Raises InputError `region.no-part` and, as `outer_surface` does, `shape.*` for an asset that is not closed.
    """
    named = [asset.parts[index].vertices for word in region.parts for index in part_indices(asset, word)]
    boxes = [*region.boxes, *((*v.min(axis=0).tolist(), *v.max(axis=0).tolist()) for v in named)]
    sides = [np.subtract(box[3:], box[:3]).min() for box in boxes] + [2.0 * ball[3] for ball in region.spheres]
    diagonal = float(np.linalg.norm(np.ptp(asset.bounds(), axis=0)))
    width = min([FALLOFF * diagonal, *(0.25 * float(side) for side in sides)])
    inner = [(*(x + width for x in box[:3]), *(x - width for x in box[3:])) for box in boxes]
    balls = [(*ball[:3], ball[3] - width) for ball in region.spheres]
    shrunk = Region((), tuple(inner), tuple(balls))
    return Frame(outer_surface(asset), box, shrunk, max(width, 1e-9), diagonal)


def edited(asset: Asset, frame: Frame, part: Part, repainted: bool = False) -> Asset:
    """The asset as the one closed new part; `source` has old looks outside the region and the part's inside.

    Measures how far the surface strays from the old one outside the region (`edit.outside_percent` of the diagonal),
    and how much of it is another one (`edit.moved_percent`). Raises InputError `edit.no-effect` where inside it moved
    nowhere; not where it is `repainted`.
    """
    vertices = part.vertices.astype(np.float64)
    away = np.abs(frame.distances(vertices)) * frame.box.reach / frame.diagonal
    weights = frame.weights(vertices)
    if not repainted and not (away > SAME)[weights > 0.0].any():
        raise InputError("edit.no-effect", "the model draws what is there already")
    source = replace(asset, parts=_sources(asset, frame, part, weights), lods=(), collision=(), source=None)
    outside = float(away[weights == 0.0].max(initial=0.0))
    bare = replace(part, material=replace(part.material, looks=None))
    measured = {"edit.outside_percent": 100.0 * outside, "edit.moved_percent": 100.0 * float((away > SAME).mean())}
    return replace(asset, parts=(bare,), lods=(), collision=(), source=source).measured(measured)


def _sources(asset: Asset, frame: Frame, part: Part, weights: F32) -> tuple[Part, ...]:
    """The old parts outside the region and the new one inside it, by the weights at the middle of each face."""
    old = (asset.source or asset).parts
    if frame.region.whole:
        return (part,)
    longest = FINEST * frame.diagonal
    small = [piece for each in old for piece in cut_small(each, frame.near(each), longest)]
    kept = [
        each.with_faces(each.faces[frame.weights(each.vertices[each.faces].astype(np.float64).mean(axis=1)) <= 0.5])
        for each in small
    ]
    inside = part.with_faces(part.faces[weights[part.faces].mean(axis=1) > 0.5])
    return tuple(each for each in (*kept, inside) if len(each.faces))
