"""A field of looks travels in the raw file, follows its part, and is what bakes and vertices show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, InputError, Material, Part, make_part
from ml.looks import Looks
from ml.plane_field import PlaneField
from ml.readers.gltf import read_glb
from tasks.bake import BakeOptions, bake
from tasks.export_glb import export_glb
from tasks.glb import encode_glb
from tasks.moved_part import moved_part
from tasks.simplify import SimplifyOptions, simplify
from tasks.surface import drawable
from tasks.transform import transformed
from tasks.unwrap import UnwrapOptions, unwrap
from tasks.vertex_bake import vertex_bake
from tasks.vertex_colors import srgb_vertex_colors


def ramp(glow: float = -50.0, rough: float = 0.4) -> PlaneField:
    """Red grows with x (sRGB 0.12 at −1, 1.0 at 1), green is 0, blue 1, metallic 1."""
    planes = np.zeros((3, 1, 16, 16), np.float32)
    planes[0, 0] = 8.0 * 1.05 * ((2 * np.arange(16) + 1) / 16 - 1)
    first, one = np.array([[1, 0, 0]], np.float32), np.ones((1, 1), np.float32)
    last = np.zeros((8, 1), np.float32)
    last[0] = 1.0
    bias = np.array([-2, -50, 50, np.log(rough / (1 - rough)), 50, glow, glow, glow], np.float32)
    return PlaneField(planes, first, np.zeros(1, np.float32), one, np.zeros(1, np.float32), last, bias)


def ball(field: PlaneField, **material: object) -> Part:
    """2 m wide around (5, 0, 0), which is the middle of its looks."""
    mesh = trimesh.creation.icosphere(4, 1.0)
    frame = np.column_stack([np.eye(3), [-5.0, 0.0, 0.0]])
    looks = Looks(field, frame)
    return make_part(mesh.vertices + np.float64([5, 0, 0]), mesh.faces, Material(looks=looks, **material))  # type: ignore[arg-type]


def red_at(x: float) -> float:
    """sRGB byte that `ramp` has at x."""
    h = 8.0 * x / (1 + np.exp(-8.0 * x))
    h = h / (1 + np.exp(-h))
    return float(255 / (1 + np.exp(2 - h)))


def baked(asset: Asset) -> Asset:
    return bake(unwrap(asset, UnwrapOptions(256, when="always")), BakeOptions(256))


def shown(asset: Asset) -> tuple[np.ndarray, np.ndarray]:
    """(m, 3) middles of faces and (m, 4) base colour there."""
    part = asset.parts[0]
    assert part.uv is not None
    assert part.material.base_color_texture is not None
    pixels = part.material.base_color_texture.pixels()
    at = (part.uv[part.faces].mean(axis=1) * len(pixels)).astype(int)
    return part.vertices[part.faces].mean(axis=1), pixels[at[:, 1], at[:, 0]]


def test_texels_show_the_field_through_raw_file_transform_and_simplification() -> None:
    raw = read_glb(encode_glb(Asset((ball(ramp()),))))
    turned = np.array([[0.0, 0.0, 0.5], [0.0, 0.5, 0.0], [-0.5, 0.0, 0.0]])  # half as large, x to −z
    asset = simplify(transformed(raw, turned, np.array([1.0, 2.0, 3.0])), SimplifyOptions(target_faces=800))
    made = baked(asset)
    places, colours = shown(made)
    expected = np.array([red_at(x) for x in np.clip(-(places[:, 2] - 3.0) / 0.5 - 5.0, -1, 1)])
    assert np.ptp(expected) > 200
    assert np.abs(colours[:, 0] - expected).max() <= 16  # a texel of 256 and the 800 faces' sag
    assert np.median(np.abs(colours[:, 0] - expected)) <= 2
    assert (colours[:, 1:3] == [0, 255]).all()
    material = made.parts[0].material
    assert material.looks is None
    assert material.metallic == 1.0
    assert material.roughness == pytest.approx(0.4, abs=0.003)
    assert material.emissive == (0.0, 0.0, 0.0)
    assert material.emissive_texture is None


def test_light_and_varying_surface_become_maps_and_faint_light_none() -> None:
    bright = baked(Asset((ball(ramp(glow=0.0)),))).parts[0].material
    assert max(bright.emissive) == pytest.approx(0.214, abs=0.005)  # sRGB 0.5, linear
    assert baked(Asset((ball(ramp(glow=-3.0)),))).parts[0].material.emissive == (0.0, 0.0, 0.0)
    field = ramp()
    rough = field.last.copy()
    rough[3] = 1.0
    varied = baked(Asset((ball(replace(field, last=rough)),))).parts[0].material
    assert varied.metallic_roughness_texture is not None
    assert np.ptp(varied.metallic_roughness_texture.pixels()[..., 1]) > 50
    assert (varied.metallic_roughness_texture.pixels()[..., 2] == 255).all()


def test_parts_with_and_without_looks_share_an_atlas() -> None:
    plain = trimesh.creation.box((1, 1, 1))
    made = baked(Asset((ball(ramp()), make_part(plain.vertices, plain.faces, Material(base_color=(0, 1, 0, 1))))))
    places, colours = shown(made)
    assert (colours[places[:, 0] < 2.0] == [0, 255, 0, 255]).all()
    assert (colours[places[:, 0] > 2.0, 2] == 255).all()


def test_vertices_take_the_field_s_colour() -> None:
    part = ball(ramp(), base_color=(0.0, 1.0, 0.0, 1.0))  # which the field stands in for
    low = replace(part, material=Material())
    coloured = vertex_bake(Asset((low,), source=Asset((part,)))).parts[0]
    expected = [red_at(x - 5.0) for x in coloured.vertices[:, 0]]
    assert np.abs(srgb_vertex_colors(coloured)[:, 0] - expected).max() <= 3


def test_a_bent_part_and_a_written_file_have_no_field() -> None:
    part = ball(ramp())
    assert moved_part(part, part.vertices + np.float32(0.1) * part.vertices**2).material.looks is None
    assert drawable(Asset((part,))).parts[0].material.looks is None
    assert b"MESHMILL_looks" not in export_glb(Asset((part,)), "ball")[0].data
    assert b"MESHMILL_looks" in encode_glb(Asset((part,)))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'"shape":[3,1,16,16]', b'"shape":[3,1,16,15]', "mesh.broken"),
        (b'"shape":[3,1,16,16]', b'"shape":[1,3,16,16]', "field.bad-shape"),
        (b'"dtype":"F32"', b'"dtype":"Q32"', "mesh.broken"),
        (b'"last_bias"', b'"last_bins"', "mesh.broken"),
        (b'"frame":[1.0,', b'"frame":[1,0,', "mesh.broken"),
        (b'"frame":[1.0,', b'"frame":[NaN,', "field.not-finite"),
    ],
)
def test_a_damaged_field_is_refused(old: bytes, new: bytes, code: str) -> None:
    data = encode_glb(Asset((ball(ramp()),)))
    assert old in data
    with pytest.raises(InputError) as refused:
        read_glb(data.replace(old, new, 1))
    assert refused.value.code == code
