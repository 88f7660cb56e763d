"""The faults by name: how each is planted, for which customer it matters, and which findings are right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import faults_of_place as place
import faults_of_shape as shape
import faults_of_surface as surface
from numpy.random import Generator

from ml.asset import Asset
from tasks.profile import load_profile

Plant = Callable[[Asset, Generator], Asset]


@dataclass(frozen=True)
class Fault:
    """One kind of fault. `metrics` are those a right finding judges; a finding about anything else does not count."""

    name: str
    plant: Plant
    profile: str
    metrics: tuple[str, ...]
    form: str = "glb"
    row: str = ""  # what the row says: its category, the sizes of the sound asset, the picture or prompt of another
    code: str = ""  # of what a command finds across rows, in place of a metric

    @property
    def codes(self) -> frozenset[str]:
        """The codes that are right under the profile; empty where no rule of it sees the fault."""
        if self.code:
            return frozenset({self.code})
        rules = load_profile(self.profile).rules
        return frozenset(f"gate.{rule.code}" for rule in rules if rule.metric in self.metrics)


OPEN = ("topology.closed", "topology.boundary_edges")
SIZE = ("size.category_factor",)
FAULTS = (
    Fault("holes", shape.holes, "print-fdm", OPEN, form="stl"),
    Fault("flipped faces", shape.flipped_faces, "game", ("topology.inconsistent_edges", "facing.back_share")),
    Fault("inside-out piece", shape.inside_out, "game", ("topology.inverted", "facing.back_share")),
    Fault("inside-out open piece", shape.open_inside_out, "game", ("facing.back_share", "topology.inverted")),
    Fault("self-intersections", shape.self_intersections, "print-fdm", ("topology.self_intersections",), form="stl"),
    Fault("thin walls", shape.thin_walls, "print-fdm", ("print.wall_m", "print.thinner_0_8mm"), form="stl"),
    Fault("too fine features", shape.fine_features, "print-resin", ("print.wall_m", "print.thinner_0_8mm"), form="stl"),
    Fault("floaters", shape.floaters, "khronos", ("floaters.count", "floaters.share")),
    Fault("floaters in a print", shape.floaters, "print-resin", ("floaters.count", "topology.components"), form="stl"),
    Fault("duplicate faces", shape.duplicate_faces, "turbosquid", ("topology.duplicate_faces",), form="obj"),
    Fault("z-fighting", shape.z_fighting, "game", ("zfighting.share",)),
    Fault("degenerate faces", shape.degenerate_faces, "game", ("topology.degenerate_faces",)),
    Fault("non-manifold edges", shape.nonmanifold_edges, "cgtrader", ("topology.nonmanifold_edges",), form="obj"),
    Fault("too many triangles", shape.too_many_triangles, "decentraland", ("triangles",)),
    Fault("too many materials", shape.too_many_materials, "khronos", ("materials",)),
    Fault("too many draw calls", shape.too_many_draws, "web-ar", ("draw_calls",)),
    Fault("LOD that lost its shape", shape.crude_level, "game", ("lods.difference",)),
    Fault("LOD of another colour", shape.recoloured_level, "game", ("lods.difference",)),
    Fault("no UVs", surface.uv_missing, "fab", ("uv.present",)),
    Fault("overlapping UVs", surface.uv_overlap, "khronos", ("uv.overlap",)),
    Fault("UVs out of range", surface.uv_out_of_range, "khronos", ("uv.out_of_range",)),
    Fault("mirrored UVs", surface.uv_mirrored, "khronos", ("uv.inverted",)),
    Fault("stretched UVs", surface.uv_stretched, "game", ("uv.stretch", "uv.stretch_max", "uv.angle_distortion")),
    Fault("uneven texel density", surface.uneven_density, "game", ("uv.texel_density_ratio",)),
    Fault("not a power of two", surface.not_power_of_two, "game", ("texture.power_of_two",)),
    Fault("texture too large", surface.too_large_map, "web-ar", ("texture.max_px",)),
    Fault("texture too small", surface.too_small_map, "khronos", ("texture.min_px",)),
    Fault("dark albedo", surface.dark_albedo, "khronos", ("albedo.luminance_min",)),
    Fault("blown-out albedo", surface.blown_out_albedo, "khronos", ("albedo.luminance_max",)),
    Fault("half metal", surface.half_metal, "game", ("material.half_metal",)),
    Fault("texture seams", surface.seams, "game", ("texture.seam_mean", "texture.seam_p95")),
    Fault("empty texels", surface.empty_texels, "game", ("texture.empty",)),
    Fault("broken normal map", surface.broken_normal_map, "game", ("texture.normal_faults", "texture.normal_flat")),
    Fault("ten times too large or small", place.ten_times, "game", SIZE, row="category"),
    Fault("millimetres as metres", place.millimetres, "khronos", (*SIZE, "size.max_m"), row="category"),
    Fault("metres as millimetres", place.metres_as_millimetres, "khronos", (*SIZE, "size.min_m", "size.max_m"),
          row="category"),
    Fault("not as the row asks", place.wrong_proportions, "khronos", ("size.asked_error",), row="size"),
    Fault("lying on its back", place.lying_down, "game", ("up.z_confidence", "pivot.base")),
    Fault("topples", place.topples, "print-fdm", ("stable", "stable.tilt_deg"), form="stl"),
    Fault("not on the ground", place.off_the_ground, "game", ("pivot.base",)),
    Fault("off centre", place.off_centre, "turbosquid", ("pivot.offset",)),
    Fault("unlike its picture", place.as_it_is, "game", ("similarity.reference",), row="other picture"),
    Fault("wrong caption", place.as_it_is, "game", ("alignment.score",), row="other prompt"),
    Fault("exact duplicate", place.as_it_is, "khronos", (), code="duplicate.exact"),
    Fault("slightly changed duplicate", place.slightly_changed, "khronos", (), code="duplicate.near"),
)  # fmt: skip
