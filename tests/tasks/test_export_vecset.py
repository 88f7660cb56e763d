"""The vecset product: exact counts, one frame, right signs, the same bytes again; and faults that are noticed."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as load_safetensors

from ml.asset import Asset, InputError, Material, make_part
from tasks.export_vecset import VecsetOptions, export_vecset
from tasks.vecset_checks import check_arrays
from tests.tasks.export_assets import ball, painted

FEW = VecsetOptions(uniform=500, salient=300, near=400, salient_near=200, volume=600)
BALL = trimesh.creation.icosphere(3)
BOX = trimesh.creation.box((1.0, 2.0, 0.5))


def asset_of(mesh: Any, scale: float = 1.0, shift: float = 0.0) -> Asset:
    return Asset((make_part(mesh.vertices * scale + shift, mesh.faces),))


def product(asset: Asset, **options: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    made = replace(FEW, **options)
    (file,) = export_vecset(asset, "x", made)
    arrays = dict(np.load(io.BytesIO(file.data)))
    return arrays, json.loads(str(arrays.pop("meta")))


@given(st.integers(1, 700), st.sampled_from([0, 1, 300]), st.sampled_from([0, 1, 999]), st.integers(0, 2**32 - 1))
@settings(max_examples=12, deadline=None)
def test_counts_are_exact_and_the_same_input_gives_the_same_bytes(
    uniform: int, salient: int, near: int, seed: int
) -> None:
    options = replace(
        FEW, uniform=uniform, salient=salient, near=near, salient_near=near if salient else 0, volume=near, seed=seed
    )
    first, again = (export_vecset(asset_of(BOX), "x", options)[0].data for _ in range(2))
    assert first == again
    arrays, meta = product(
        asset_of(BOX),
        **{f: getattr(options, f) for f in ("uniform", "salient", "near")},
        salient_near=options.salient_near,
        volume=near,
        seed=seed,
    )
    counts = {
        "surface": uniform,
        "salient": salient,
        "near": near,
        "volume": near,
        "salient_near": options.salient_near,
    }
    for kind, count in counts.items():
        assert len(arrays.get(f"{kind}_points", ())) == count
    assert meta["options"]["seed"] == seed
    assert export_vecset(asset_of(BOX), "x", replace(options, seed=seed ^ 1))[0].data != first


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("kind", ["cube", "sphere"])
@pytest.mark.parametrize("extent", [0.5, 1.0, 0.95])
def test_points_lie_in_the_box_that_the_frame_gives_the_mesh(dtype: Any, kind: Any, extent: float) -> None:
    asset = asset_of(BOX, 3.0, 7.0)
    arrays, meta = product(asset, dtype=dtype, frame=kind, extent=extent, uniform=4000)
    low, high = (asset.bounds() - meta["frame"]["centre"]) * meta["frame"]["scale"]
    reach = np.linalg.norm(high) if kind == "sphere" else high.max()
    assert reach == pytest.approx(extent)
    for name in ("surface_points", "salient_points"):
        points = arrays[name].astype(np.float64)
        assert arrays[name].dtype == dtype
        assert (points >= low).all()
        assert (points <= high).all()
        assert (high - points.max(axis=0)).max() < 0.02 * extent
    assert np.abs(arrays["volume_points"].astype(np.float64)).max() <= 1.05


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_distances_are_those_of_the_points_as_they_are_stored(dtype: Any) -> None:
    """Of a box, whose distances are known: |p| outside, negative inside; half a float16 step would show."""
    arrays, meta = product(asset_of(BOX), dtype=dtype, near_sigmas=(0.001, 0.05), near=4000)
    half = np.array([0.5, 1.0, 0.25]) * meta["frame"]["scale"]
    for kind in ("near", "salient_near", "volume"):
        q = np.abs(arrays[f"{kind}_points"].astype(np.float64)) - half
        exact = np.linalg.norm(np.maximum(q, 0.0), axis=1) + np.minimum(q.max(axis=1), 0.0)
        error = np.abs(arrays[f"{kind}_distances"].astype(np.float64) - exact)
        assert (error <= np.abs(exact) * 2.0**-11 + 1e-7).all()
        assert (exact < -1e-6).any()
        assert (exact > 1e-6).any()
    assert meta["closed"]


def test_sigmas_take_turns_and_near_points_stay_near() -> None:
    arrays, _ = product(asset_of(BALL), near=6000, near_sigmas=(0.001, 0.01, 0.1), salient_near=4000)
    away = np.abs(arrays["near_distances"])
    spread = [np.sqrt(np.mean(away[k::3].astype(np.float64) ** 2)) for k in range(3)]
    assert spread == pytest.approx([0.001, 0.01, 0.1], rel=0.12)
    assert len(np.unique(arrays["salient_near_points"], axis=0)) == 4000  # 300 salient points, each many times


def test_normals_point_out_and_prefixes_are_fair() -> None:
    arrays, _ = product(asset_of(BALL), uniform=4000)
    points, normals = arrays["surface_points"], arrays["surface_normals"]
    assert np.einsum("ij,ij->i", points, normals).min() > 0.98
    assert np.abs(points[:400].mean(axis=0)).max() < 0.12  # in the order of the faces they would lie on one side


def test_a_surface_without_sharp_edges_is_sampled_by_curvature() -> None:
    fine = trimesh.creation.icosphere(4)
    arrays, meta = product(asset_of(fine), angle=45.0)
    assert meta["salient"] == "curvature"
    assert len(arrays["salient_points"]) == 300
    assert product(asset_of(BOX), rule="vertex-normal")[1]["salient"] == "edges"


def test_colors_come_from_materials_textures_and_the_source() -> None:
    red = make_part(BALL.vertices, BALL.faces, Material(base_color=(1, 0, 0, 1)))
    blue = make_part(BALL.vertices + np.array([3.0, 0, 0]), BALL.faces, Material(base_color=(0, 0, 1, 1)))
    both = Asset((red, blue))
    arrays, _ = product(both)
    left = arrays["surface_points"][:, 0] < 0
    assert (arrays["surface_colors"][left] == [255, 0, 0]).all()
    assert (arrays["surface_colors"][~left] == [0, 0, 255]).all()
    vertices, faces, _ = both.merged()
    plain = Asset((make_part(vertices, faces[::-1]),), source=both)
    again, _ = product(plain)
    left = again["salient_points"][:, 0] < 0
    assert (again["salient_colors"][left] == [255, 0, 0]).all()
    assert "surface_colors" not in product(asset_of(BALL))[0]
    assert "surface_colors" not in product(both, colors=False)[0]
    assert len(np.unique(product(Asset((ball(painted(), level=2),)))[0]["surface_colors"], axis=0)) > 10


def test_safetensors_hold_the_same_and_the_official_reader_takes_them() -> None:
    (file,) = export_vecset(asset_of(BOX), "x", replace(FEW, container="safetensors", dtype="float16"))
    held = load_safetensors(file.data)
    arrays, meta = product(asset_of(BOX), dtype="float16")
    assert file.name == "x_vecset.safetensors"
    assert held.keys() == arrays.keys()
    assert all(np.array_equal(held[name], arrays[name]) for name in held)
    header = json.loads(file.data[8 : 8 + int.from_bytes(file.data[:8], "little")])
    assert json.loads(header["__metadata__"]["meta"])["frame"] == meta["frame"]


def test_clipped_distances_and_open_meshes() -> None:
    arrays, _ = product(asset_of(BOX), clip=0.0078125)
    assert np.abs(arrays["volume_distances"]).max() == np.float32(0.0078125)
    half = Asset((make_part(BALL.vertices, BALL.faces[BALL.triangles_center[:, 1] < 0.3]),))
    arrays, meta = product(half, volume=3000)
    assert not meta["closed"]
    deep = np.linalg.norm(arrays["volume_points"] - [0, 0.2, 0], axis=1) < 0.2
    assert (arrays["volume_distances"][deep] < 0).all()


def test_inside_out_and_overlapping_surfaces_are_noticed() -> None:
    with pytest.raises(InputError) as caught:
        product(Asset((make_part(BALL.vertices, BALL.faces[:, ::-1]),)))
    assert caught.value.code == "vecset.wrong-signs"
    crossing = Asset(
        (make_part(BALL.vertices, BALL.faces), make_part(BALL.vertices * 0.9 + np.array([0.4, 0, 0]), BALL.faces))
    )
    with pytest.raises(InputError) as caught:
        product(crossing)
    assert caught.value.code == "vecset.wrong-signs"
    product(crossing, signs=0.3)


def test_broken_products_are_noticed() -> None:
    arrays, _ = product(asset_of(BALL))
    counts = {"surface": 500, "salient": 300, "near": 400, "salient_near": 200, "volume": 600}
    bounds = np.array([[-1.0] * 3, [1.0] * 3])
    assert check_arrays(arrays, counts, bounds) < 0.05
    moved = {**arrays, "surface_points": arrays["surface_points"] * 1.01}
    infinite = {**arrays, "near_distances": np.full(400, np.inf, np.float16)}
    short = {**arrays, "volume_points": arrays["volume_points"][1:]}
    for broken, code in ((moved, "out-of-range"), (infinite, "not-finite"), (short, "bad-count")):
        with pytest.raises(InputError) as caught:
            check_arrays(broken, counts, bounds)
        assert caught.value.code == f"vecset.{code}"


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_any_scale_gives_the_same_product(scale: float) -> None:
    arrays, _ = product(asset_of(BOX, scale))
    assert np.abs(arrays["surface_points"]).max() == pytest.approx(1.0, abs=0.01)
    assert np.isfinite(arrays["volume_distances"]).all()


@pytest.mark.parametrize(
    ("vertices", "faces", "code"),
    [
        (np.zeros((3, 3)), [[0, 1, 2]], "mesh.no-area"),
        (np.eye(3) * [1, 0, 0], [[0, 1, 2]], "mesh.no-area"),
        (np.eye(3), np.zeros((0, 3), int), "mesh.no-faces"),
    ],
)
def test_what_has_no_surface_is_refused(vertices: Any, faces: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        product(Asset((make_part(vertices, faces),)))
    assert caught.value.code == code


def test_soup_gets_an_answer() -> None:
    random = np.random.default_rng(0)
    soup = make_part(random.standard_normal((90, 3)), random.integers(0, 90, (200, 3)))
    arrays, meta = product(Asset((soup,)))
    assert not meta["closed"]
    assert np.isfinite(arrays["near_distances"]).all()


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="sigma"):
        VecsetOptions(near_sigmas=())
    with pytest.raises(ValueError, match="salient"):
        VecsetOptions(salient=0)
