"""Half metal is found in factors and maps, whatever share of the surface it has."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, Material, Texture, make_part
from tasks.half_metal import half_metal_metrics

BOX = trimesh.creation.box()


def share(*metallic: float) -> float:
    parts = [make_part(BOX.vertices + 3 * k, BOX.faces, Material(metallic=value)) for k, value in enumerate(metallic)]
    return half_metal_metrics(Asset(tuple(parts)))["material.half_metal"]


def test_factors_count_by_area() -> None:
    assert share(0.0, 1.0) == 0.0
    assert share(0.5) == 1.0
    assert share(0.5, 1.0, 0.0, 0.95) == pytest.approx(0.25, abs=0.03)


def test_a_map_counts_where_it_shows() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, 4:, 2] = 128
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    material = Material(metallic=1.0, metallic_roughness_texture=Texture.from_pixels(pixels))
    uv = corners[:, :2].copy()
    part = make_part(corners, [[0, 1, 2], [0, 2, 3]], material, uv=uv)
    assert half_metal_metrics(Asset((part,)))["material.half_metal"] == pytest.approx(0.5, abs=0.1)


def test_a_surface_without_an_area_has_none() -> None:
    part = make_part(np.zeros((3, 3)), [[0, 1, 2]], Material(metallic=0.5))
    assert half_metal_metrics(Asset((part,))) == {}
