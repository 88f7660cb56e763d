"""Baked normal maps, decoded with the exporter's tangents, give the source's normals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, Material, Part, Texture, make_part
from tasks.bake import BakeOptions, bake
from tasks.tangents import with_tangents
from tasks.texel_raster import gather, rasterize, tiled
from tasks.unwrap import UnwrapOptions, unwrap

OPTIONS = BakeOptions(256)


def decoded(baked: Asset) -> tuple[np.ndarray, np.ndarray]:
    """(t, 3) places of the texels on the low mesh and the unit normals that its normal map says, as viewers read it."""
    part = baked.parts[0]
    framed, tangents = with_tangents(part)
    pixels = part.material.normal_texture.pixels()
    face, two = rasterize(part.uv, part.faces, len(pixels))
    texel = tiled(face)
    face, weights = gather(face, two, texel)
    corner = framed.faces[face]
    place, normal, tangent = (np.einsum("tk,tkd->td", weights, values[corner]) for values in (
        framed.vertices, framed.normals, tangents[:, :3]))  # fmt: skip
    bitangent = np.cross(normal, tangent) * tangents[corner[:, 0], 3:]
    x, y, z = (pixels.reshape(-1, 4)[texel, :3].astype(np.float64) / 127.5 - 1).T
    world = x[:, None] * tangent + y[:, None] * bitangent + z[:, None] * normal
    return place, world / np.linalg.norm(world, axis=1, keepdims=True)


def angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(np.arccos(np.clip((a * b).sum(axis=1), -1, 1)))


def low_sphere(source: Asset, levels: int = 2) -> Asset:
    """A sphere of flat facets."""
    mesh = trimesh.creation.icosphere(levels)
    corners, faces = mesh.vertices[mesh.faces.reshape(-1)], np.arange(mesh.faces.size).reshape(-1, 3)
    low = make_part(corners, faces, normals=np.repeat(mesh.face_normals, 3, axis=0).astype(np.float32))
    return unwrap(Asset((low,), source=source), UnwrapOptions(256, when="always"))


def grid(n: int, height: object = None) -> Part:
    """The unit square as n² cells, `height` over it, analytic UVs."""
    y, x = np.meshgrid(np.linspace(0, 1, n + 1), np.linspace(0, 1, n + 1), indexing="ij")
    z = np.zeros_like(x) if height is None else height(x, y)
    corner = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).ravel()
    lower = np.stack([corner, corner + 1, corner + n + 2], axis=1)
    faces = np.concatenate([lower, np.stack([corner, corner + n + 2, corner + n + 1], axis=1)])
    uv = np.stack([x, 1 - y], -1).reshape(-1, 2).astype(np.float32)
    return make_part(np.stack([x, y, z], -1).reshape(-1, 3), faces, uv=uv)


def test_a_faceted_sphere_under_a_fine_one_shades_as_the_true_sphere() -> None:
    fine = trimesh.creation.icosphere(6)
    source = Asset((make_part(fine.vertices, fine.faces, normals=fine.vertices.astype(np.float32)),))
    place, normal = decoded(bake(low_sphere(source), OPTIONS))
    # The ray runs along the smooth normal, which is not quite the radius; 8-bit steps are 0.45°.
    error = angles(normal, place / np.linalg.norm(place, axis=1, keepdims=True))
    assert np.percentile(error, 99) < 1.2
    assert error.max() < 4.0


def test_a_flat_square_shows_the_waves_of_its_source() -> None:
    def wave(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 0.004 * np.sin(2 * np.pi * 3 * x) * np.cos(2 * np.pi * 2 * y)

    low = replace(grid(2), normals=np.tile(np.float32([0, 0, 1]), (9, 1)))
    place, normal = decoded(bake(Asset((low,), source=Asset((grid(200, wave),))), OPTIONS))
    x, y = 2 * np.pi * 3 * place[:, 0], 2 * np.pi * 2 * place[:, 1]
    slope = 0.004 * 2 * np.pi * np.stack([3 * np.cos(x) * np.cos(y), -2 * np.sin(x) * np.sin(y)], axis=1)
    expected = np.column_stack([-slope, np.ones(len(slope))])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    error = angles(normal, expected)
    assert np.percentile(error, 98) < 0.6  # the rows along the border have one-sided normals


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_source_s_own_normal_map_travels_also_between_mirrored_charts(mirrored: bool) -> None:
    """A constant lean of (0.6, 0, 0.8) in the source's frame is the same direction in the world afterwards."""
    lean = np.tile(np.uint8([204, 128, 230]), (8, 8, 1))
    material = Material(normal_texture=Texture.from_pixels(lean))
    source = replace(grid(3), normals=np.tile(np.float32([0, 0, 1]), (16, 1)), material=material)
    low = replace(source, material=Material())
    if mirrored:
        low = replace(low, uv=np.float32([1, 0]) + low.uv * np.float32([-1, 1]))
    baked = bake(Asset((low,), source=Asset((source,))), OPTIONS)
    assert baked.parts[0].material.normal_scale == 1.0
    _, normal = decoded(baked)
    assert angles(normal, np.tile([0.6, 0.0, 0.8], (len(normal), 1))).max() < 0.8
    half = replace(source, material=replace(source.material, normal_scale=0.5))
    _, weaker = decoded(bake(Asset((low,), source=Asset((half,))), OPTIONS))
    expected = np.array([0.3, 0.0, 0.8]) / np.hypot(0.3, 0.8)
    assert angles(weaker, np.tile(expected, (len(weaker), 1))).max() < 0.8


def test_both_sides_of_a_mirrored_chart_agree() -> None:
    """The whole atlas mirrored: the map has to serve frames whose bitangent is reversed."""
    fine = trimesh.creation.icosphere(5)
    source = Asset((make_part(fine.vertices, fine.faces, normals=fine.vertices.astype(np.float32)),))
    low = low_sphere(source)
    place, normal = decoded(bake(low, OPTIONS))
    part = low.parts[0]
    flipped = replace(low, parts=(replace(part, uv=np.float32([1, 0]) + part.uv * np.float32([-1, 1])),))
    other_place, other = decoded(bake(flipped, OPTIONS))
    for spot, said in ((place, normal), (other_place, other)):
        assert np.percentile(angles(said, spot / np.linalg.norm(spot, axis=1, keepdims=True)), 99) < 1.2


def test_no_map_is_written_where_the_normals_are_the_mesh_s_own() -> None:
    asset = unwrap(Asset((grid(3),)), UnwrapOptions(128, when="always"))
    assert bake(asset, OPTIONS).parts[0].material.normal_texture is None
    reversed_ = replace(asset, parts=(asset.parts[0].with_faces(asset.parts[0].faces[::-1]),))
    assert bake(reversed_, OPTIONS).parts[0].material.normal_texture is None  # projected, and found flat
    other = replace(asset.parts[0], normals=np.tile(np.float32([0.6, 0, 0.8]), (len(asset.parts[0].vertices), 1)))
    given = Asset((replace(grid(3), normals=np.tile(np.float32([0, 0, 1]), (16, 1))),))
    place, normal = decoded(bake(replace(asset, parts=(other,), source=given), OPTIONS))
    assert angles(normal, np.tile([0.0, 0.0, 1.0], (len(place), 1))).max() < 0.8
    chosen = BakeOptions(128, ("base_color", "surface"))
    assert bake(replace(asset, parts=(other,), source=given), chosen).parts[0].material.normal_texture is None


def test_a_source_wound_inside_out_shades_the_same() -> None:
    fine = trimesh.creation.icosphere(5)
    outward = make_part(fine.vertices, fine.faces)
    inward = replace(outward, faces=np.ascontiguousarray(outward.faces[:, ::-1]))
    a, b = (decoded(bake(low_sphere(Asset((source,))), OPTIONS)) for source in (outward, inward))
    assert np.percentile(angles(a[1], b[1]), 99) < 3.0
