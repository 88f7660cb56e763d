"""Refining by normals: a coarse surface takes on the detail that normal maps show, by differentiable rendering."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from ml.asset import Asset, InputError
from ml.distill.folder import ModelFolder, lacks_folder
from ml.distill.settings import MODEL, on_device
from ml.generators.pretrained.shelf import Missing
from ml.normal_predictor import not_of_normals
from ml.sources import Source
from tasks.external import Surface, joined_surface
from tasks.normal_files import SIDECAR, read_normal_maps
from tasks.normal_fit import Gradient, Pace, fit
from tasks.normal_gradient_cuda import check_nvdiffrast, gradient_by_nvdiffrast, missing_nvdiffrast
from tasks.normal_maps import NormalMaps, shown_normals
from tasks.predicted_maps import predicted_maps
from tasks.region import FALLOFF, Region, parse_region, part_indices, point_weights
from tasks.replacement import replaced_part, replaced_parts
from tasks.sampling import face_areas
from tasks.self_intersections import self_intersections
from tasks.topology import F64, topology

COARSE = 0.06  # of the diagonal: edges at first, where outlines have to be found yet
ALIKE = 0.9  # intersection over union of what is covered, from which outlines only need polishing
SET = {"digest_when_set": True}  # options that came later leave the keys of recipes without them alone
RASTER_SHARE = 0.25  # of a GPU
MAX_FACES = 300_000  # that a target may ask for: some 3 CPU-minutes


@dataclass(frozen=True)
class RefineNormalsOptions:
    """From which pictures, how fine, how long and where."""

    views: int = field(default=24, metadata={"min": 6, "max": 150, "help": "pictures taken of the detailed source"})
    size: int = field(default=256, metadata={"min": 64, "max": 1024, "help": "pixels a side of those, by fours"})
    edge: float = field(
        default=0.01, metadata={"min": 0.002, "max": 0.1, "help": "edge length as a share of the box's diagonal"}
    )
    rounds: int = field(default=300, metadata={"min": 10, "max": 5000, "help": "steps of the optimisation"})
    region: str = field(default="", metadata={"help": "JSON of parts, boxes and spheres; empty for all of it"})
    maps: str = field(
        default="", metadata={"help": "folder of normal maps with cameras; empty to take the source", "file": SIDECAR}
    )
    model: str = field(default="", metadata={**SET, "file": MODEL, "help": "folder of a pipeline for the row's views"})
    accept: tuple[str, ...] = field(default=(), metadata={**SET, "help": "the model's licence, accepted by name"})
    device: str = field(default="auto", metadata={**SET, "help": "of the model: auto, cuda, cuda:N or cpu"})
    rasteriser: Literal["cpu", "nvdiffrast"] = field(
        default="cpu", metadata={**SET, "help": "nvdiffrast wants a GPU, and a use that its licence allows"}
    )
    shots: tuple[Source, ...] = field(default=(), metadata=SET)  # the row's views: no recipe can name them

    @property
    def asks_model(self) -> bool:
        """Whether it wants a model's time and memory."""
        return bool(self.model)

    @property
    def gpus(self) -> float:
        """All of one for the model, a part for the rasteriser, whose pictures take less than 2 GB."""
        if self.model and self.device != "cpu":
            return 1.0
        return RASTER_SHARE if self.rasteriser == "nvdiffrast" else 0.0

    def lacks(self) -> list[Missing]:
        """What the model and the rasteriser that it names lack on this machine."""
        named = ModelFolder(self.model, self.accept, self.device)
        of_model = lacks_folder(named, not_of_normals) if self.model else []
        return [*of_model, *(missing_nvdiffrast() if self.rasteriser == "nvdiffrast" else ())]

    def __post_init__(self) -> None:
        if self.size % 4:
            raise ValueError("size has to be a multiple of 4")


def refine_normals(asset: Asset, options: RefineNormalsOptions = RefineNormalsOptions()) -> Asset:
    """The asset as one part that shows the normals of its `source`, of `options.maps`, or those that `options.model`
    predicts from the row's views; without UVs.

    Vertices move by the gradient of rendered normals and silhouettes, and edges are split, collapsed and flipped as
    they do (Palfinger 2022). Closed stays closed and keeps its genus; outside the region, and where faces cross each
    other already, nothing moves. Metrics `refine.agreement` (share of pixels covered by both, after) and
    `refine.crossings` (pairs of faces, as many as before at most). Raises InputError `mesh.*`, `region.*`, `normals.*`,
    `refine.no-normals` without a source, maps or views, `refine.too-fine`, and `model.missing-…` and those of
    `predicted_maps` where a model or nvdiffrast is asked for.
    """
    before = joined_surface(asset)
    maps = _maps(asset, options)
    weights = _weights(asset, before, parse_region(options.region))
    agreement = maps.agreement(replace(asset, lods=()))
    slope_of = _rasteriser(options)
    points, faces = fit(before.points, before.faces, weights, maps, _pace(before, agreement, options), slope_of)
    found = topology(points, faces)
    if before.found.closed and not found.closed:
        raise InputError("refine.opened", f"the new surface has {found.boundary_edges} open edges")
    areas = np.bincount(before.owner, face_areas(before.points, before.faces))
    part = replaced_part(asset.parts[int(np.argmax(areas))], points.astype(np.float32), faces)
    made = replaced_parts(asset, (part,))
    after = maps.agreement(made)
    note = f"{asset.face_count} to {len(faces)} faces, outlines agree {agreement:.3f} before, {after:.3f} after"
    measured = {"refine.agreement": after, "refine.crossings": float(len(self_intersections(points, faces).pairs))}
    return made.noted(refine_normals=note).measured(measured)


def _rasteriser(options: RefineNormalsOptions) -> Gradient | None:
    """What draws and differentiates in place of the CPU's kernels; raises InputError `model.missing-…`."""
    if options.rasteriser == "cpu":
        return None
    check_nvdiffrast()
    return gradient_by_nvdiffrast


def _maps(asset: Asset, options: RefineNormalsOptions) -> NormalMaps:
    if options.maps:
        return read_normal_maps(options.maps)
    if options.model:
        if not options.shots:
            raise InputError("refine.no-normals", "the row has no views that the model could see")
        return predicted_maps(options.shots, options.size, options.model, on_device(options.device))
    if asset.source is None:
        raise InputError("refine.no-normals", "there is no detailed source and no folder of normal maps to follow")
    return shown_normals(asset.source, options.views, options.size)


def _pace(before: Surface, agreement: float, options: RefineNormalsOptions) -> Pace:
    """From coarse edges and small pictures where outlines are off, else from twice the edges asked for."""
    edge = options.edge * before.diagonal
    expected = before.found.area / (np.sqrt(0.75) / 2.0 * edge**2)
    if expected > MAX_FACES:
        raise InputError("refine.too-fine", f"edges of {edge:g} m mean about {expected:.0f} faces, over {MAX_FACES}")
    if agreement < ALIKE:
        return Pace(options.rounds, 3, max(edge, COARSE * before.diagonal), edge)
    return Pace(options.rounds, 2, 2.0 * edge, edge)


def _weights(asset: Asset, surface: Surface, region: Region) -> F64:
    """(n,) how far each vertex may go: 1 in the region, falling to 0 around boxes and spheres."""
    if region.whole:
        return np.ones(len(surface.points))
    weights = point_weights(surface.points.astype(np.float32), region, FALLOFF * surface.diagonal).astype(np.float64)
    chosen = sorted({index for word in region.parts for index in part_indices(asset, word)})
    weights[surface.faces[np.isin(surface.owner, chosen)]] = 1.0
    if not (weights > 0.0).any():
        raise InputError("region.empty", "no vertex lies in the region or near it")
    return weights
