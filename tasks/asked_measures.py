"""The measures that cost more than counting, each made only where one of its numbers is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

from tasks.debris import debris_metrics, stored_normal_metrics
from tasks.facing import facing_metrics
from tasks.floaters import floater_metrics
from tasks.half_metal import half_metal_metrics
from tasks.lettering import lettering_metrics
from tasks.level_difference import level_metrics
from tasks.mirror_score import mirror_metrics
from tasks.scene_objects import scene_metrics
from tasks.self_crossing import crossing_metrics
from tasks.shape_kind import shape_metrics
from tasks.subject import Subject
from tasks.surface_kind import color_metrics, map_metrics
from tasks.texture_content import constant_metrics, empty_metrics, normal_metrics
from tasks.texture_seams import seam_metrics
from tasks.thin_features import LIMITS_MM, thin_metrics, thinner
from tasks.upright import upright_metrics
from tasks.uv_charts import chart_metrics
from tasks.vertex_repeats import repeat_metrics
from tasks.z_fighting import z_fighting_metrics


@dataclass(frozen=True)
class Measure:
    """A function of the subject and the names of the numbers that it may give."""

    function: Callable[[Subject], Mapping[str, float]]
    names: tuple[str, ...]


def _levels(subject: Subject) -> Mapping[str, float]:
    """Of levels that came with the file; those of the lods step it has judged itself, at the size of each."""
    return {} if "lods.difference" in subject.known else level_metrics(subject.asset)


MEASURES = (
    Measure(
        chart_metrics,
        (
            "uv.charts",
            "uv.stretch",
            "uv.stretch_max",
            "uv.angle_distortion",
            "uv.area_distortion",
            "uv.texel_density",
            "uv.texel_density_min",
            "uv.texel_density_max",
            "uv.texel_density_ratio",
        ),
    ),
    Measure(seam_metrics, ("texture.seam_mean", "texture.seam_p95")),
    Measure(empty_metrics, ("texture.empty",)),
    Measure(normal_metrics, ("texture.normal_faults", "texture.normal_flat")),
    Measure(constant_metrics, ("texture.constant",)),
    Measure(facing_metrics, ("facing.back_share",)),
    Measure(floater_metrics, ("floaters.count", "floaters.share", "floaters.distance_m")),
    Measure(z_fighting_metrics, ("zfighting.share",)),
    Measure(thin_metrics, ("print.wall_m", "print.gap_m", "print.sealed_cavities", *map(thinner, LIMITS_MM))),
    Measure(crossing_metrics, ("topology.self_intersections",)),
    Measure(mirror_metrics, ("symmetry.score",)),
    Measure(repeat_metrics, ("topology.repeated_vertices",)),
    Measure(lambda subject: half_metal_metrics(subject.asset), ("material.half_metal",)),
    Measure(lambda subject: upright_metrics(subject.asset), ("up.z_confidence",)),
    Measure(_levels, ("lods.difference",)),
    Measure(shape_metrics, ("shape.thinness", "shape.slenderness", "shape.single_surface")),
    Measure(lettering_metrics, ("shape.glyphs",)),
    Measure(scene_metrics, ("objects.count", "objects.extent")),
    Measure(debris_metrics, ("pieces.tiny", "faces.degenerate_share")),
    Measure(stored_normal_metrics, ("normals.missing", "normals.against")),
    Measure(color_metrics, ("albedo.range", "albedo.transparent")),
    Measure(map_metrics, ("texture.across", "texture.noise")),
)
EVERYTHING = frozenset(name for each in MEASURES for name in each.names)


def asked_metrics(subject: Subject, wanted: Set[str]) -> dict[str, float]:
    """What the measures give of which any number is in `wanted`. Raises InputError `image.*` for a broken texture."""
    found: dict[str, float] = {}
    for each in MEASURES:
        if not wanted.isdisjoint(each.names):
            found |= each.function(subject)
    return found
