"""Redrawing an asset, or a region of it, by the shape model: encoded, noised, and drawn again under other words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, Asset, InputError, Part, make_part
from ml.field_asset import ShapeField, worn
from ml.field_mesh import field_mesh
from ml.prompt import parse_prompt
from ml.shapes.shipped import ABOUT
from tasks.cut_small import cut_small
from tasks.region import FALLOFF, Region, parse_region, part_indices, point_weights
from tasks.signed_distance import build_distance_field, signed_distance

if TYPE_CHECKING:  # loading it is not for chains that redraw nothing
    from tasks.outer_surface import OuterSurface
    from tasks.shape_examples import Box

F64 = npt.NDArray[np.float64]

SAME = 1e-4  # of the diagonal: a redrawn surface that nowhere moves farther is no other shape


FINEST = 0.02  # of the diagonal: the size of old faces near a region, so that they end where it begins


@dataclass(frozen=True)
class ShapeEditOptions:
    """What to draw, how far from what is there, and where."""

    prompt: str = field(default="", metadata={"help": "what the asset is to be, as a prompt names it"})
    strength: float = field(default=0.9, metadata={"min": 0.05, "max": 1.0, "help": "0 keeps it, 1 forgets it"})
    region: str = field(default="", metadata={"help": "JSON of parts, boxes and spheres; empty for all of it"})
    seed: int = field(default=0, metadata={"min": 0, "max": 2**31 - 1, "help": "another one draws it otherwise"})
    steps: int = field(default=10, metadata={"min": 1, "max": 100, "help": "evaluations of the flow"})
    guidance: float = field(default=3.0, metadata={"min": 1.0, "max": 20.0, "help": "how hard the words pull"})
    resolution: int = field(default=256, metadata={"min": 32, "max": 512, "help": "cells along the longest side"})
    model: str = field(
        default="", metadata={"help": "folder of a model that `meshmill train shapes` made", "file": ABOUT}
    )


@dataclass(frozen=True)
class Frame:
    """The asset's surface, its box, and the region in which it may change."""

    surface: OuterSurface
    box: Box
    region: Region  # shrunk by `width`, so that weights fall to 0 at its border
    width: float  # metres

    def metres(self, points: npt.NDArray[np.floating]) -> F64:
        """(n, 3) points of the box frame in metres."""
        return np.asarray(points.astype(np.float64) * (self.box.extents * self.box.reach) + self.box.centre)

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


def shape_edit(asset: Asset, options: ShapeEditOptions = ShapeEditOptions()) -> Asset:
    """The asset redrawn as the prompt says, one closed part; `source` has old looks outside the region and new inside.

    Outside the region the surface is the old one, cut anew at `resolution`: no farther off than a cell, which
    `edit.outside_percent` measures against the diagonal. Without a region all of it is redrawn in its own box. Raises
    InputError `edit.no-prompt`, `edit.no-effect`, `region.*`, `weights.*`, `shape.*` for an asset that is not closed.
    """
    if not options.prompt.strip():
        raise InputError("edit.no-prompt", "say what the asset is to be")
    frame = _frame(asset, parse_region(options.region))
    new = _redrawn(asset, frame, options)
    old = build_distance_field(frame.surface.vertices, frame.surface.faces)

    def distance(points: F32) -> F32:
        places = frame.metres(points)
        weights = frame.weights(places)
        found, shown = np.zeros(len(points), np.float32), weights > 0.0
        rest = weights < 1.0
        found[rest] = signed_distance(old, places[rest]).distance / frame.box.reach * (1.0 - weights[rest])
        found[shown] += weights[shown] * new.distances(points[shown])
        return found

    box, faces = field_mesh(distance, frame.box.extents, options.resolution)
    vertices = frame.metres(box)
    away = np.abs(signed_distance(old, vertices).distance) / np.linalg.norm(np.ptp(asset.bounds(), axis=0))
    weights = frame.weights(vertices)
    if not (away > SAME)[weights > 0.0].any():
        raise InputError("edit.no-effect", "the model draws what is there already")
    part = _worn(new, frame, vertices, faces, asset.name)
    source = replace(asset, parts=_sources(asset, frame, part, weights), lods=(), collision=(), source=None)
    outside = float(away[weights == 0.0].max(initial=0.0))
    made = replace(asset, parts=(replace(part, material=replace(part.material, looks=None)),), lods=(), collision=())
    measured = {"edit.outside_percent": 100.0 * outside, "edit.moved_percent": 100.0 * float((away > SAME).mean())}
    return replace(made, source=source).noted(shape_edit=options.prompt).measured(measured)


def _frame(asset: Asset, region: Region) -> Frame:
    """Named parts count as the boxes around them; boxes and spheres shrink by the width of the blend."""
    from tasks.outer_surface import outer_surface
    from tasks.shape_examples import box_of

    named = [asset.parts[index].vertices for word in region.parts for index in part_indices(asset, word)]
    boxes = [*region.boxes, *((*v.min(axis=0).tolist(), *v.max(axis=0).tolist()) for v in named)]
    sides = [np.subtract(box[3:], box[:3]).min() for box in boxes] + [2.0 * ball[3] for ball in region.spheres]
    diagonal = float(np.linalg.norm(np.ptp(asset.bounds(), axis=0)))
    width = min([FALLOFF * diagonal, *(0.25 * float(side) for side in sides)])
    inner = [(*(x + width for x in box[:3]), *(x - width for x in box[3:])) for box in boxes]
    balls = [(*ball[:3], ball[3] - width) for ball in region.spheres]
    shrunk = Region((), tuple(inner), tuple(balls))
    return Frame(outer_surface(asset), box_of(asset.bounds()), shrunk, max(width, 1e-9))


def _redrawn(asset: Asset, frame: Frame, options: ShapeEditOptions) -> ShapeField:
    """The new field in the old box."""
    from ml.shapes.asked import Asked, unwanted
    from ml.shapes.drawing import draw, encoded, fields, ready_model, tokens_outside
    from ml.shapes.sampler import SamplerOptions
    from tasks.shape_examples import shape_example

    model = ready_model(options.model)
    start = encoded(model, shape_example(asset, "", ("", "", ""), options.seed))
    kept = tokens_outside(model, lambda anchors: frame.weights(frame.metres(anchors)) > 0.0)
    asked = Asked(options.prompt, unwanted(parse_prompt(options.prompt)), ())
    drawing = SamplerOptions(options.steps, options.guidance)
    drawn = draw(model, [asked], [options.seed], drawing, start, options.strength, kept)
    return fields(model, drawn, [asked])[0]


def _worn(new: ShapeField, frame: Frame, vertices: F64, faces: npt.NDArray[np.int32], name: str) -> Part:
    """The new surface in the new field's looks."""
    scale = frame.box.extents * frame.box.reach
    looks, colors = worn(new.looks, np.column_stack([np.diag(1.0 / scale), -frame.box.centre / scale]), vertices, name)
    return make_part(vertices, faces, looks, name=name, colors=colors)


def _sources(asset: Asset, frame: Frame, part: Part, weights: F32) -> tuple[Part, ...]:
    """The old parts outside the region and the new one inside it, by the weights at the middle of each face."""
    old = (asset.source or asset).parts
    if frame.region.whole:
        return (part,)
    longest = FINEST * float(np.linalg.norm(np.ptp(asset.bounds(), axis=0)))
    small = [piece for each in old for piece in cut_small(each, frame.near(each), longest)]
    kept = [
        each.with_faces(each.faces[frame.weights(each.vertices[each.faces].astype(np.float64).mean(axis=1)) <= 0.5])
        for each in small
    ]
    inside = part.with_faces(part.faces[weights[part.faces].mean(axis=1) > 0.5])
    return tuple(each for each in (*kept, inside) if len(each.faces))
