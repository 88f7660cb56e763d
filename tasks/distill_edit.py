"""Redrawing an asset, or a region of it, by a model of pictures: masked score distillation of its shape and paint."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ml.asset import F32, Asset, InputError
from ml.distill.settings import DistillSettings, device_of, distilled, load_pipeline
from ml.field_mesh import field_mesh
from ml.prompt import parse_prompt
from tasks.region import parse_region

if TYPE_CHECKING:  # loading them is not for chains that distil nothing
    from torch import Tensor

    from ml.distill.field import Volume, Where
    from tasks.edit_frame import Frame

ROOM = 1.1  # of half the asset's diagonal: the radius of the ball in which it may change
NODES = 64  # a side of the grid that the renders start from; the surface that is cut has the exact distance
FAINTEST = 1e-3  # sRGB: paint is held within this of black and white, whose logits are infinite


@dataclass(frozen=True)
class DistillEditOptions(DistillSettings):
    """What to draw and where, beside which model is asked and how."""

    asks_model: ClassVar[bool] = True  # one chain at a time, with a model's time and memory

    prompt: str = field(default="", metadata={"help": "what the asset is to be, as a text-to-image model reads it"})
    region: str = field(default="", metadata={"help": "JSON of parts, boxes and spheres; empty for all of it"})
    seed: int = field(default=0, metadata={"min": 0, "max": 2**31 - 1, "help": "another one draws it otherwise"})


def distill_edit(asset: Asset, options: DistillEditOptions = DistillEditOptions()) -> Asset:
    """The asset as a text-to-image model would have it, one closed part; `source` has old looks outside the region.

    The asset's own distance and paint are where the field starts, and what is learnt counts only in the region, by the
    weights of `tasks/region.py`: outside, the surface is the old one, cut anew at `resolution` (no farther off than a
    cell, which `edit.outside_percent` measures). Nothing leaves the ball around the asset. Raises InputError
    `edit.no-prompt`, `region.*`, `shape.*` for an asset that is not closed, `model.missing-…`, `distill.*`, `field.*`.
    """
    from ml.distill.extraction import coloured, distance_changes, start_colours, surface_colours
    from tasks.edit_frame import edit_frame, edited
    from tasks.shape_examples import Box

    if not options.prompt.strip():
        raise InputError("edit.no-prompt", "say what the asset is to be")
    bounds = asset.bounds()
    radius = ROOM * 0.5 * float(np.linalg.norm(np.ptp(bounds, axis=0)))
    frame = edit_frame(asset, parse_region(options.region), Box(bounds.mean(axis=0), radius, np.ones(3)))
    start, pipeline = _start(asset, frame), _pipeline(options.model, device_of(options))
    made = distilled(pipeline, parse_prompt(options.prompt), options, options.seed, start, _where(frame))

    def distance(points: F32) -> F32:
        found: F32 = frame.distances(frame.metres(points)).astype(np.float32) + distance_changes(made, points)
        return found

    box, faces = field_mesh(distance, frame.box.extents, options.resolution)
    part = coloured(made, box, faces, frame.metres(box), asset.name)
    repainted = not np.array_equal(surface_colours(made, box), start_colours(made, box))
    drawn = edited(asset, frame, part, repainted).noted(distill_edit=options.prompt, ai_generated="true")
    return replace(drawn, provenance=replace(drawn.provenance, ai_generated=True))


def _start(asset: Asset, frame: Frame) -> Volume:
    """The asset's distance and paint at nodes of the cube around the ball; raises InputError `region.empty`."""
    import torch

    from ml.distill.field import Volume
    from ml.srgb import to_srgb
    from tasks.bvh import build_bvh, closest_point
    from tasks.source_samples import SourceSamples

    at = np.linspace(-1.0, 1.0, NODES, dtype=np.float32)
    places = frame.metres(np.stack(np.meshgrid(at, at, at, indexing="ij")[::-1], axis=-1).reshape(-1, 3))
    if not (frame.weights(places) > 0.0).any():
        raise InputError("region.empty", "no place in or near the asset lies in the region")
    samples = SourceSamples(asset.source or asset)
    face, barycentric, _ = closest_point(build_bvh(*samples.merged[:2]), places)
    color = samples.base_color(samples.hits(face, barycentric.astype(np.float32)))[:, :3]
    shown = torch.from_numpy(np.clip(to_srgb(np.clip(color, 0.0, 1.0)), FAINTEST, 1.0 - FAINTEST).astype(np.float32))
    distance = torch.from_numpy(frame.distances(places).astype(np.float32))
    return Volume(distance.reshape(NODES, NODES, NODES), shown.logit().reshape(NODES, NODES, NODES, 3))


def _where(frame: Frame) -> Where:
    """The region's weights as a field reads them; the kernel runs on the CPU wherever the field is."""
    import torch

    def weights(points: Tensor) -> Tensor:
        places = frame.metres(points.detach().cpu().numpy())
        return torch.from_numpy(frame.weights(places)).to(points)

    return weights


@lru_cache(maxsize=1)
def _pipeline(model: str, device: str) -> Any:
    """The pipeline, warm for the next asset of this process."""
    return load_pipeline(model, device)
