"""Redrawing an asset, or a region of it, by the shape model: encoded, noised, and drawn again under other words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ml.asset import F32, Asset, InputError, Part, make_part
from ml.field_asset import ShapeField, worn
from ml.field_mesh import field_mesh
from ml.prompt import parse_prompt
from ml.shapes.shipped import ABOUT
from tasks.region import parse_region

if TYPE_CHECKING:  # loading it is not for chains that redraw nothing
    from tasks.edit_frame import Frame

F64 = npt.NDArray[np.float64]


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


def shape_edit(asset: Asset, options: ShapeEditOptions = ShapeEditOptions()) -> Asset:
    """The asset redrawn as the prompt says, one closed part; `source` has old looks outside the region and new inside.

    Outside the region the surface is the old one, cut anew at `resolution`: no farther off than a cell, which
    `edit.outside_percent` measures against the diagonal. Without a region all of it is redrawn in its own box. Raises
    InputError `edit.no-prompt`, `edit.no-effect`, `region.*`, `weights.*`, `shape.*` for an asset that is not closed.
    """
    from tasks.edit_frame import edit_frame, edited
    from tasks.shape_examples import box_of

    if not options.prompt.strip():
        raise InputError("edit.no-prompt", "say what the asset is to be")
    frame = edit_frame(asset, parse_region(options.region), box_of(asset.bounds()))
    new = _redrawn(asset, frame, options)

    def distance(points: F32) -> F32:
        places = frame.metres(points)
        weights = frame.weights(places)
        found, shown = np.zeros(len(points), np.float32), weights > 0.0
        rest = weights < 1.0
        found[rest] = frame.distances(places[rest]) * (1.0 - weights[rest])
        found[shown] += weights[shown] * new.distances(points[shown])
        return found

    box, faces = field_mesh(distance, frame.box.extents, options.resolution)
    part = _worn(new, frame, frame.metres(box), faces, asset.name)
    return edited(asset, frame, part).noted(shape_edit=options.prompt)


def _redrawn(asset: Asset, frame: Frame, options: ShapeEditOptions) -> ShapeField:
    """The new field in the old box."""
    from ml.shapes.asked import Asked, unwanted
    from ml.shapes.decoding import fields
    from ml.shapes.drawing import draw, ready_model, tokens_outside
    from ml.shapes.encoding import encoded
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
