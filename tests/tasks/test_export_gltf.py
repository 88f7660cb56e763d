"""glTF as separate files: what the GLB says, in a .bin and textures that lie there once and under safe names."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from ml.asset import Asset, InputError, Material, Texture, make_part
from ml.readers.gltf import read_gltf
from ml.sources import Source
from tasks.export_glb import export_glb
from tasks.export_gltf import GltfOptions, export_gltf
from tasks.outputs import OutputFile


def texture(seed: int, name: str, kind: str = "PNG") -> Texture:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return Texture(buffer.getvalue(), "image/png" if kind == "PNG" else "image/jpeg", name)


def ball(level: int = 2) -> Asset:
    mesh = trimesh.creation.icosphere(level)
    points = np.asarray(mesh.vertices, np.float32)
    maps = {
        "base_color_texture": texture(1, "../a b#%?"),
        "metallic_roughness_texture": texture(2, "../A b#%?"),
        "occlusion_texture": texture(2, "again"),
        "emissive_texture": texture(3, "", "JPEG"),
    }
    material = Material("m", emissive=(1.0, 1.0, 1.0), **maps)  # type: ignore[arg-type]
    return Asset((make_part(points, mesh.faces, material, name="ball", uv=points[:, :2].copy()),), "ball")


def write(files: list[OutputFile], folder: Path) -> dict[str, bytes]:
    for file in files:
        (folder / file.name).write_bytes(file.data)
    return {file.name: file.data for file in files}


def test_it_reads_back_as_the_glb_does(tmp_path: Path) -> None:
    write(export_gltf(ball(), "b"), tmp_path)
    (glb,) = export_glb(ball(), "b")
    path = tmp_path / "b.gltf"
    ours, master = read_gltf(path.read_bytes(), Source(str(path), str(tmp_path))), read_gltf(glb.data)
    for mine, its in zip(ours.parts, master.parts, strict=True):
        np.testing.assert_array_equal(mine.vertices, its.vertices)
        np.testing.assert_array_equal(mine.faces, its.faces)
        assert [map.data for map in mine.material.textures] == [map.data for map in its.material.textures]
    scene = trimesh.load(path, process=False)
    assert sum(len(mesh.faces) for mesh in scene.geometry.values()) == 320


def test_every_level_shares_the_texture_files_under_safe_names(tmp_path: Path) -> None:
    asset = Asset(ball().parts, "ball", lods=(ball(1),))
    files = write(export_gltf(asset, "my ball/ä"), tmp_path)
    textures = {"my_ball_.._a_b.png", "my_ball_.._A_b_2.png", "my_ball_texture.jpg"}
    meshes = {f"my_ball{level}.{kind}" for level in ("", "_LOD1") for kind in ("gltf", "bin")}
    assert set(files) == textures | meshes
    for name in ("my_ball.gltf", "my_ball_LOD1.gltf"):
        document = json.loads(files[name])
        assert {image["uri"] for image in document["images"]} == textures
        assert document["buffers"] == [
            {"uri": name.replace("gltf", "bin"), "byteLength": len(files[name[:-4] + "bin"])}
        ]
    assert len(export_gltf(asset, "x", GltfOptions(lods="none"))) == 5


def test_nothing_to_write_is_refused() -> None:
    with pytest.raises(InputError, match="face"):
        export_gltf(Asset((make_part(np.zeros((3, 3)), [[0, 1, 2]]),)), "x")
