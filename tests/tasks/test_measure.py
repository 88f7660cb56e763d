"""Measuring: known shapes give known numbers, what is absent has no number, and broken assets do not crash it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, Material, Part, Texture, make_part
from ml.srgb import to_linear
from tasks.asked_measures import EVERYTHING
from tasks.measure import measure, measure_files
from tasks.measure_surface import to_srgb8
from tasks.metrics import METRICS, is_metric
from tasks.outputs import OutputFile
from tasks.uv_coverage import coverage

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
FACES = QUADS[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
# One upright unit square: v grows downward, so the lower corners have v = 1.
SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=float)
SQUARE_UV = np.float32([[0, 1], [1, 1], [1, 0], [0, 0]])
SQUARE_FACES = np.array([[0, 1, 2], [0, 2, 3]])


def two_charts(gap: float) -> np.ndarray:
    """Lightmap coordinates of two squares with a gap between them."""
    small = SQUARE_UV * np.float32(0.4)
    return np.concatenate([small, small + np.float32([0.4 + gap, 0])])


def cube(low: float = 0.0, size: float = 1.0, material: Material | None = None) -> Part:
    return make_part(CORNERS * size + low, FACES, material)


def square(uv: np.ndarray = SQUARE_UV, material: Material | None = None) -> Part:
    return make_part(SQUARE, SQUARE_FACES, material, uv=np.asarray(uv, dtype=np.float32))


def picture(pixels: np.ndarray) -> Texture:
    return Texture.from_pixels(np.asarray(pixels, dtype=np.uint8))


def textured(pixels: np.ndarray, **kwargs: object) -> Material:
    return Material(base_color=(1, 1, 1, 1), base_color_texture=picture(pixels), **kwargs)  # type: ignore[arg-type]


def metrics(*parts: Part, **fields: object) -> dict[str, float]:
    return dict(measure(Asset(parts, **fields)).metrics)  # type: ignore[arg-type]


def test_a_unit_cube() -> None:
    found = metrics(cube())
    expected = {
        "triangles": 12,
        "vertices": 8,
        "draw_calls": 1,
        "textures": 0,
        "size.height_m": 1,
        "topology.closed": 1,
        "topology.components": 1,
        "topology.boundary_edges": 0,
        "topology.inverted": 0,
        "volume_m3": 1,
        "area_m2": 6,
        "uv.present": 0,
        "print.overhang_fraction": 0,
        "print.base_area_m2": 1,
        "stable": 1,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_every_metric_has_a_name_with_a_meaning() -> None:
    part = square(material=textured(np.full((8, 8, 3), 120)))
    lit = make_part(np.tile(SQUARE, (2, 1)), np.concatenate([SQUARE_FACES, SQUARE_FACES + 4]), uv1=two_charts(0.1))
    found = metrics(part, lit, cube(), lods=(Asset((cube(),)),)) | metrics(cube())
    found |= measure_files([OutputFile("a.glb", "glb_web", 0, b"12")])
    sized = {"size.category_min_m": 0.5, "size.category_max_m": 1.0}
    found |= measure(Asset((cube(),), metrics=sized)).metrics
    assert [name for name in found if not is_metric(name)] == []
    set_by_steps = {"size.asked_width_m", "size.asked_height_m", "size.asked_depth_m", "size.asked_error"}
    set_by_steps |= {
        "score",
        "fixes",
        "caption.cosine",
        "caption.metadata",
        "detail.most_percent",
        "detail.rms_percent",
        "refine.agreement",
        "refine.crossings",
        "triangles.asked",
        "simplify.opened_edges",
        "bake.resolution",
        "bake.coverage",
    }
    set_by_steps |= {"uv.padding", "uv.mip_levels", *(EVERYTHING & set(METRICS))}
    of_steps = (
        "watertight.",
        "repair.",
        "web.",
        "similarity.",
        "reference.",
        "edit.",
        "alignment.",
        "quality.",
        "lods.",
        "collision.",
        "impostor.",
        "material.",
        "palette.",
    )
    set_by_steps |= {name for name in METRICS if name.startswith(of_steps)}
    assert set(METRICS) - set(found) == set_by_steps


def test_what_an_asset_lacks_is_not_measured() -> None:
    found = metrics(make_part(SQUARE, SQUARE_FACES))
    for name in ("volume_m3", "texture.max_px", "uv.overlap", "size.asked_error"):
        assert name not in found


def test_touching_closed_parts_stay_closed_and_split_surfaces_join() -> None:
    touching = metrics(cube(), replace(cube(), vertices=cube().vertices + np.float32([1, 0, 0])))
    assert (touching["topology.closed"], touching["topology.components"]) == (1, 2)
    split = cube()
    by_material = metrics(split.with_faces(split.faces[:5]), split.with_faces(split.faces[5:]))
    assert (by_material["topology.closed"], by_material["topology.components"]) == (1, 1)
    assert by_material["volume_m3"] == pytest.approx(1.0)


def test_faults_are_counted() -> None:
    whole = cube()
    hole = metrics(whole.with_faces(whole.faces[1:]))
    assert (hole["topology.closed"], hole["topology.boundary_edges"]) == (0, 3)
    flipped = whole.faces.copy()
    flipped[0] = flipped[0, ::-1]
    assert metrics(whole.with_faces(flipped))["topology.inconsistent_edges"] == 3
    assert metrics(whole.with_faces(whole.faces[:, ::-1]))["topology.inverted"] == 1
    flat = np.concatenate([whole.faces, [[0, 0, 1]]])
    assert metrics(whole.with_faces(flat))["topology.degenerate_faces"] == 1
    double = np.concatenate([whole.faces, whole.faces[:2]])
    assert metrics(whole.with_faces(double))["topology.duplicate_faces"] == 2
    assert metrics(make_part(np.concatenate([CORNERS, [[9, 9, 9]]]), FACES))["topology.unused_vertices"] == 1


def test_an_empty_or_broken_asset_gets_its_counts() -> None:
    assert metrics()["triangles"] == 0
    assert metrics(make_part(CORNERS, np.zeros((0, 3), dtype=int)))["finite"] == 1
    nothing = np.full((8, 3), np.nan, dtype=np.float32)
    for broken in (replace(cube(), vertices=nothing), replace(cube(), uv=nothing[:, :2])):
        found = metrics(broken)
        assert found["finite"] == 0
        assert "size.max_m" not in found


def test_asked_dimensions_are_compared() -> None:
    asked = {"size.asked_height_m": 1.25, "size.asked_width_m": 1.0}
    assert metrics(cube(), metrics=asked)["size.asked_error"] == pytest.approx(0.2)


def test_textures_count_once_and_by_their_sides() -> None:
    first, second = picture(np.zeros((64, 32, 3))), picture(np.full((48, 64, 3), 9))
    copy = Texture(bytes(first.data), name="other")
    material = Material(base_color_texture=first, normal_texture=second, emissive_texture=copy)
    found = metrics(square(material=material), square(material=Material(base_color_texture=copy)))
    assert (found["textures"], found["texture.max_px"], found["texture.min_px"]) == (2, 64, 32)
    assert (found["texture.power_of_two"], found["texture.square"]) == (0, 0)
    assert found["texture.bytes"] == len(first.data) + len(second.data)


def test_the_uv_square_is_covered_once_overlapped_or_left() -> None:
    once = metrics(square())
    assert once["uv.utilisation"] == 1.0
    assert (once["uv.overlap"], once["uv.inverted"], once["uv.out_of_range"]) == (0, 0, 0)
    half = metrics(square(SQUARE_UV * 0.5))
    assert half["uv.utilisation"] == pytest.approx(0.25, abs=0.002)
    assert metrics(square(SQUARE_UV[:, ::-1]))["uv.inverted"] == 1.0
    assert metrics(square(SQUARE_UV + 0.5))["uv.out_of_range"] == 0.75


def test_overlap_counts_across_parts_that_share_textures_only() -> None:
    shared = textured(np.full((8, 8, 3), 120))
    other = textured(np.full((8, 8, 3), 130))
    left, right = SQUARE_UV * [0.5, 1], SQUARE_UV * [0.5, 1] + [0.5, 0]
    assert metrics(square(left, shared), square(right, shared))["uv.overlap"] == 0
    assert metrics(square(left, shared), square(SQUARE_UV, shared))["uv.overlap"] == pytest.approx(0.5)
    assert metrics(square(left, shared), square(SQUARE_UV, other))["uv.overlap"] == 0
    assert metrics(square(), square())["uv.overlap"] == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12))
def test_neighbouring_triangles_never_overlap(columns: int, rows: int) -> None:
    """A grid over the whole square covers every cell exactly once, aligned to the cells or not."""
    u, v = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1))
    uv = np.stack([u.ravel(), v.ravel()], axis=1).astype(np.float32)
    a = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    b = a + columns + 1
    faces = np.concatenate([np.stack([a, a + 1, b], 1), np.stack([a + 1, b + 1, b], 1)]).astype(np.int32)
    hits = coverage(uv, faces)
    assert hits.min() == 1
    assert hits.max() == 1


def test_tiling_faces_are_counted_coarsely_instead_of_for_ever() -> None:
    uv = np.tile(SQUARE_UV * 1000 + 1e6, (20_000, 1))
    faces = (SQUARE_FACES[None] + 4 * np.arange(20_000)[:, None, None]).reshape(-1, 3).astype(np.int32)
    hits = coverage(uv.astype(np.float32), faces)
    assert hits.shape[0] < 64
    assert hits.max() == 255


def test_albedo_is_read_where_triangles_show_it() -> None:
    pixels = np.zeros((64, 64, 3))
    pixels[:32] = (200, 50, 10)  # the upper half is shown, the lower is empty black
    upper = square(SQUARE_UV * [1, 0.5], textured(pixels))
    found = metrics(upper)
    assert found["albedo.luminance_mean"] == pytest.approx(200)
    assert (found["albedo.luminance_min"], found["albedo.luminance_max"]) == (200, 200)


def test_albedo_weighs_parts_by_area_and_factors() -> None:
    dark, light = Material(base_color=(0.01, 0.0, 0.0, 1)), Material(base_color=(0.0, 0.5, 0.2, 1))
    found = metrics(cube(material=dark), cube(low=5, size=2, material=light))
    low, high = (int(to_srgb8(np.array([value]))[0]) for value in (0.01, 0.5))
    assert found["albedo.luminance_mean"] == pytest.approx((6 * low + 24 * high) / 30)
    assert (found["albedo.luminance_min"], found["albedo.luminance_max"]) == (low, high)
    tinted = replace(textured(np.full((8, 8, 3), 255)), base_color=(0.5, 0.25, 0.25, 1))
    assert metrics(square(material=tinted))["albedo.luminance_mean"] == high


def test_see_through_texels_and_vertex_colours() -> None:
    pixels = np.full((8, 8, 4), (90, 80, 70, 255))
    pixels[:4] = (255, 255, 255, 0)
    assert metrics(square(material=textured(pixels, alpha_mode="MASK")))["albedo.luminance_max"] == 90
    white = Material(base_color=(1, 1, 1, 1))
    colors = np.tile(np.uint8([0, 55, 0, 255]), (4, 1))
    coloured = make_part(SQUARE, SQUARE_FACES, white, colors=colors)
    assert metrics(coloured)["albedo.luminance_mean"] == to_srgb8(np.array([55 / 255]))[0]


def test_srgb_round_trip() -> None:
    levels = np.arange(256)
    np.testing.assert_array_equal(to_srgb8(to_linear(levels / 255.0)), levels)


def test_files_are_summed_by_format_over_lod0() -> None:
    files = [
        OutputFile("a.glb", "glb", 0, b"1234"),
        OutputFile("a_LOD1.glb", "glb", 1, b"12"),
        OutputFile("a.obj", "obj", 0, b"1"),
        OutputFile("b.obj", "obj", 0, b"12"),
    ]
    assert measure_files(files) == {"bytes.glb": 4, "bytes.obj": 3, "bytes.total": 9}


def test_measuring_is_repeatable_to_the_bit() -> None:
    rng = np.random.default_rng(5)
    part = square(material=textured(rng.integers(0, 255, (32, 32, 3))))
    asset = Asset((part, cube(low=0.3)))
    first, second = measure(asset).metrics, measure(asset).metrics
    assert list(first.items()) == list(second.items())
    assert all(type(value) is float and math.isfinite(value) for value in first.values())
