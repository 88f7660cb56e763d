"""Restyling: the reference's colour mean and spread, roughness and metallic arrive on the asset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, InputError, Material, Part, Texture, make_part
from ml.color_space import decode, from_oklab, to_oklab
from ml.materials.library import texture_maps
from tasks.glb import encode_glb
from tasks.recolor import surface_samples
from tasks.restyle import RestyleOptions, load_style, matched, restyle, transfer


def noisy(seed: int = 0, factor: tuple[float, float, float, float] = (1, 1, 1, 1)) -> Part:
    rng = np.random.default_rng(seed)
    lab = rng.normal([0.55, 0.02, 0.03], [0.08, 0.02, 0.03], (128 * 128, 3)).astype(np.float32)
    pixels = (np.clip(from_oklab(lab), 0, 1) ** (1 / 2.2) * 255).astype(np.uint8).reshape(128, 128, 3)
    packed = np.zeros((16, 16, 3), np.uint8)
    packed[..., 1] = np.linspace(40, 200, 256).reshape(16, 16)
    corners = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    material = Material(
        base_color=factor,
        metallic=1.0,
        roughness=1.0,
        base_color_texture=Texture.from_pixels(pixels),
        metallic_roughness_texture=Texture.from_pixels(packed),
    )
    return make_part(corners, [[0, 1, 2], [0, 2, 3]], material, uv=uv)


def ball(material: Material) -> Part:
    mesh = trimesh.creation.icosphere(1)
    return make_part(mesh.vertices, mesh.faces, material)


def statistics(asset: Asset) -> tuple[np.ndarray, np.ndarray]:
    samples, hits = surface_samples(asset)
    lab = to_oklab(samples.base_color(hits)[:, :3]).astype(np.float64)
    return lab.mean(axis=0), np.cov(lab.T)


def test_mean_and_covariance_become_the_reference_s() -> None:
    asset = Asset((noisy(),))
    found = restyle(asset, RestyleOptions("walnut"))
    style = load_style("walnut").lab
    mean, covariance = statistics(found)
    np.testing.assert_allclose(mean, style.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), style.std(axis=0), atol=0.012)
    samples, hits = surface_samples(found)
    surface = samples.surface(hits)
    assert surface[:, 1].mean() == pytest.approx(
        texture_maps("walnut", 256).roughness_metallic[..., 1].mean() / 255, abs=0.02
    )
    assert (surface[:, 2] == 0).all()
    assert found.notes["restyle"] == "walnut: colour, roughness, metallic"


def test_a_metal_reference_makes_metal_and_half_the_strength_goes_half_way() -> None:
    asset = Asset((ball(Material(base_color=(0.2, 0.2, 0.2, 1), roughness=0.9)),))
    gold = restyle(asset, RestyleOptions("gold")).parts[0].material
    assert gold.metallic == 1
    assert gold.base_color[0] > 0.8 > gold.base_color[2]
    assert gold.roughness == pytest.approx(0.2, abs=0.05)
    colour = restyle(asset, RestyleOptions("gold", carry="color", strength=0.5)).parts[0].material
    assert (colour.metallic, colour.roughness) == (0, 0.9)
    full, start, half = (
        to_oklab(np.array([c[:3]], np.float32))[0] for c in (gold.base_color, (0.2,) * 3, colour.base_color)
    )
    np.testing.assert_allclose(half, (full + start) / 2, atol=0.01)


def test_files_are_references_too(tmp_path: Path) -> None:
    (tmp_path / "leaf.png").write_bytes(Texture.from_pixels(np.uint8([[[20, 120, 30, 255], [255, 255, 255, 0]]])).data)
    asset = Asset((ball(Material(base_color=(0.5, 0.5, 0.5, 1), roughness=0.7)),))
    green = restyle(asset, RestyleOptions(str(tmp_path / "leaf.png"))).parts[0].material
    assert green.base_color[:3] == pytest.approx([float(v) for v in decode(np.uint8([20, 120, 30]))], abs=0.01)
    assert green.roughness == 0.7
    other = Asset((ball(Material(base_color=(0.8, 0.1, 0.1, 1), roughness=0.3, metallic=1.0)),))
    (tmp_path / "other.glb").write_bytes(encode_glb(other))
    red = restyle(asset, RestyleOptions(str(tmp_path / "other.glb"))).parts[0].material
    assert red.base_color[:3] == pytest.approx((0.8, 0.1, 0.1), abs=0.01)
    assert (red.roughness, red.metallic) == (pytest.approx(0.3, abs=0.01), 1)


def test_the_map_is_the_least_one_and_keeps_what_matches_already() -> None:
    rng = np.random.default_rng(0)
    lab = rng.normal([0.5, 0, 0], [0.1, 0.05, 0.02], (4000, 3))
    colors = np.clip(from_oklab(lab.astype(np.float32)), 0, 1)
    np.testing.assert_allclose(transfer(lab, lab, 1.0)(colors), colors, atol=2e-3)
    flat = transfer(np.full((10, 3), 0.4), lab, 1.0)(np.float32([[0.1, 0.1, 0.1]]))
    assert np.isfinite(flat).all()


def test_quantiles_meet() -> None:
    own = np.linspace(0, 1, 1000, dtype=np.float32)
    other = own**2
    table = matched(own, other, 1.0)
    assert (np.diff(table.astype(int)) >= 0).all()
    assert table[128] == pytest.approx(255 * 0.25, abs=2)
    np.testing.assert_array_equal(matched(own, other, 0.0), np.arange(256))


def test_unknown_references_are_coded(tmp_path: Path) -> None:
    asset = Asset((ball(Material()),))
    for name, code in (("wallnut", "style.unknown"), (str(tmp_path / "none.png"), "input.missing")):
        with pytest.raises(InputError) as error:
            restyle(asset, RestyleOptions(name))
        assert error.value.code == code
    (tmp_path / "clear.png").write_bytes(Texture.from_pixels(np.zeros((4, 4, 4), np.uint8)).data)
    with pytest.raises(InputError) as error:
        restyle(asset, RestyleOptions(str(tmp_path / "clear.png")))
    assert error.value.code == "style.empty"
