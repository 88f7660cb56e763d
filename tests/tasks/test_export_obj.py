"""OBJ export: one library, shared textures, connected surfaces; re-read by trimesh and by our own reader."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from ml.asset import Asset, Material, Part, Texture, make_part
from ml.readers.registry import read_mesh
from ml.sources import Source
from tasks.export_obj import ObjOptions, export_obj
from tasks.outputs import OutputFile


def texture(seed: int) -> Texture:
    return Texture.from_pixels(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8))


def ball(material: Material | None = None, name: str = "ball", level: int = 2, **extra: Any) -> Part:
    mesh = trimesh.creation.icosphere(level)
    points = np.asarray(mesh.vertices, np.float32)
    uv = np.stack([np.arctan2(points[:, 0], points[:, 2]) / 6.3 + 0.5, 0.5 - points[:, 1] / 2], axis=1)
    return make_part(points, mesh.faces, material or Material(), name=name, uv=uv.astype(np.float32), **extra)


def written(files: list[OutputFile], folder: Path) -> Path:
    for file in files:
        (folder / file.name).write_bytes(file.data)
    return folder / files[0].name


def painted() -> Material:
    return Material(
        "red paint", (1, 1, 1, 1), 1.0, 0.5,
        base_color_texture=texture(1), metallic_roughness_texture=texture(2), normal_texture=texture(3),
    )  # fmt: skip


def test_trimesh_reads_back_faces_bounds_coordinates_and_the_texture(tmp_path: Path) -> None:
    part = ball(painted())
    scene = trimesh.load(written(export_obj(Asset((part,)), "my ball"), tmp_path), process=False)
    mesh = scene.to_geometry() if isinstance(scene, trimesh.Scene) else scene
    assert len(mesh.faces) == len(part.faces)
    np.testing.assert_allclose(mesh.bounds, Asset((part,)).bounds(), atol=1e-6)
    assert part.uv is not None
    corners = np.stack([mesh.visual.uv[:, 0], 1 - mesh.visual.uv[:, 1]], axis=1)[mesh.faces]
    np.testing.assert_allclose(np.sort(corners, axis=None), np.sort(part.uv[part.faces], axis=None), atol=1e-6)
    shown = np.asarray(mesh.visual.material.image.convert("RGBA"))
    np.testing.assert_array_equal(shown, texture(1).pixels())


def test_our_reader_gets_the_same_parts_back(tmp_path: Path) -> None:
    colors = np.random.default_rng(0).integers(0, 256, (162, 4), dtype=np.uint8)
    colors[:, 3] = 255
    asset = Asset(
        (ball(painted(), "a b"), ball(Material("red paint", metallic=1.0), "a b"), ball(name="c", colors=colors))
    )
    back = read_mesh(Source(str(written(export_obj(asset, "x"), tmp_path)), str(tmp_path)))
    assert [part.name for part in back.parts] == ["a_b", "a_b_2", "c"]
    assert [part.material.name for part in back.parts] == ["red_paint", "red_paint_2", "material"]
    for ours, theirs in zip(asset.parts, back.parts, strict=True):
        a, b = ours.vertices[ours.faces], theirs.vertices[theirs.faces]
        np.testing.assert_allclose(a, b, atol=1e-6)
        assert ours.uv is not None
        assert theirs.uv is not None
        np.testing.assert_allclose(ours.uv[ours.faces], theirs.uv[theirs.faces], atol=1e-6)
    assert back.parts[2].colors is not None
    there = back.parts[2].colors[back.parts[2].faces].astype(int)
    assert np.abs(there - colors[asset.parts[2].faces]).max() <= 3  # 8-bit sRGB is coarser than linear in the lights
    material = back.parts[0].material
    assert material.base_color_texture is not None
    assert material.base_color_texture.data == texture(1).data
    assert material.metallic_roughness_texture is not None
    packed, original = material.metallic_roughness_texture.pixels(), texture(2).pixels().astype(int)
    np.testing.assert_allclose(packed[..., 1], original[..., 1] * 0.5, atol=0.51)
    np.testing.assert_array_equal(packed[..., 2], original[..., 2])


def test_seam_vertices_are_written_once(tmp_path: Path) -> None:
    box = trimesh.creation.box()
    split = make_part(box.vertices[box.faces].reshape(-1, 3), np.arange(36).reshape(-1, 3))
    mesh = trimesh.load(written(export_obj(Asset((split,)), "box"), tmp_path), process=False, maintain_order=True)
    text = (tmp_path / "box.obj").read_text()
    assert text.count("\nv ") == 8
    assert len(mesh.faces) == 12


def test_lods_share_one_library_and_its_textures() -> None:
    asset = Asset((ball(painted()),), lods=(Asset((ball(painted(), level=1),)), Asset((ball(level=0),))))
    files = export_obj(asset, "chair")
    assert [(file.name, file.lod) for file in files] == [
        ("chair.obj", 0), ("chair_LOD1.obj", 1), ("chair_LOD2.obj", 2), ("chair.mtl", 0),
        ("chair_red_paint_roughness.png", 0), ("chair_red_paint_metallic.png", 0),
        ("chair_red_paint_basecolor.png", 0), ("chair_red_paint_normal.png", 0),
    ]  # fmt: skip
    assert all(file.data.count(b"mtllib chair.mtl\n") == 1 for file in files if file.format == "obj")
    library = next(file.data.decode() for file in files if file.format == "mtl")
    assert library.count("newmtl") == 2
    assert [word for word in ("map_Kd", "map_Pr", "map_Pm", "norm") if f"\n{word} " in library] == [
        "map_Kd", "map_Pr", "map_Pm", "norm"]  # fmt: skip
    assert len(export_obj(asset, "chair", ObjOptions(lods="none"))) == 6


def test_materials_that_show_the_same_image_share_its_file() -> None:
    first, second = Material("a", base_color_texture=texture(1)), Material("b", base_color_texture=texture(1))
    files = export_obj(Asset((ball(first), ball(second))), "x")
    assert [file.name for file in files] == ["x.obj", "x.mtl", "x_a_basecolor.png"]
    assert files[1].data.count(b"map_Kd x_a_basecolor.png") == 2


def test_a_constant_surface_map_becomes_a_number_and_jpeg_stays_jpeg() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (1, 2, 3)).save(buffer, "JPEG")
    flat = Texture.from_pixels(np.full((4, 4, 3), 51, np.uint8))
    material = Material(
        roughness=1.0, metallic=0.0, metallic_roughness_texture=flat,
        base_color_texture=Texture(buffer.getvalue(), "image/jpeg"),
    )  # fmt: skip
    files = export_obj(Asset((ball(material),)), "x")
    assert [file.name for file in files] == ["x.obj", "x.mtl", "x_material_basecolor.jpg"]
    assert "Pr 0.2\nPm 0\n" in files[1].data.decode()


def test_an_opaque_material_has_no_alpha_and_every_one_the_specular_level_of_gltf() -> None:
    """Blender takes a level of 1 where there is no Ks; glTF's is 0.5."""
    opaque = Material(base_color=(1, 1, 1, 0.3))
    for material, alpha in ((opaque, b"d 1"), (replace(opaque, alpha_mode="BLEND"), b"d 0.3")):
        library = export_obj(Asset((ball(material),)), "x")[1].data.splitlines()
        assert alpha in library
        assert b"Ks 0.5 0.5 0.5" in library


def test_names_that_mtl_lines_cannot_hold_are_made_safe() -> None:
    files = export_obj(Asset((replace(ball(Material("../a b\nnewmtl x")), name="\n"),)), "../é x")
    assert [file.name for file in files] == ["x.obj", "x.mtl"]
    assert b"newmtl a_b_newmtl_x\n" in files[1].data


@pytest.mark.parametrize("level", [7])
def test_a_hundred_thousand_faces_are_written_in_bulk(level: int) -> None:
    mesh = trimesh.creation.icosphere(level)
    asset = Asset((make_part(mesh.vertices[:, :3], mesh.faces[:100_000]),))
    export_obj(Asset((ball(),)), "warm")
    started = time.process_time()
    export_obj(asset, "x")
    assert time.process_time() - started < 1.5  # 0.25 s here


def test_every_corner_has_coordinates_where_one_part_has(tmp_path: Path) -> None:
    plain = replace(ball(name="plain"), uv=None)
    (file, *_) = export_obj(Asset((ball(painted()), plain)), "x")
    assert b"//" not in file.data
    assert b"//" in export_obj(Asset((plain,)), "x")[0].data
