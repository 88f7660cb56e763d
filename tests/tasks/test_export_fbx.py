"""FBX export: geometry, maps on their slots, units and axes, names and provenance, read back by ufbx and assimp."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.asset import Asset, InputError, Material, Provenance, Texture, make_part
from tasks.export_fbx import FbxOptions, export_fbx
from tasks.grey_maps import grey_maps
from tests.tasks.export_assets import ball, painted, texture

READER = Path(__file__).with_name("fbx_reader.py")

# `make test` installs assimp where apt-get may be used; on CI its absence is a failure.
ASSIMP_MISSING = shutil.which("assimp") is None and not os.environ.get("CI")


def read(data: bytes, folder: Path) -> Any:
    path = folder / "read.fbx"
    path.write_bytes(data)
    done = subprocess.run([sys.executable, str(READER), str(path)], capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)


def corners(attribute: Any) -> Any:
    return np.asarray(attribute["values"])[attribute["index"]]


def test_ufbx_reads_the_geometry_as_it_was(tmp_path: Path) -> None:
    base = ball()
    assert base.uv is not None
    rgba = np.random.default_rng(0).integers(0, 256, (len(base.vertices), 4), dtype=np.uint8)
    part = replace(base, uv1=base.uv * 0.5, colors=rgba, normals=base.vertices)
    (mesh,) = read(export_fbx(Asset((part,)), "x")[0].data, tmp_path)["meshes"]
    order = part.faces.reshape(-1)
    assert set(mesh["sizes"]) == {3}
    np.testing.assert_allclose(np.asarray(mesh["vertices"])[mesh["faces"]] / 100, part.vertices[order], rtol=1e-6)
    np.testing.assert_allclose(corners(mesh["normals"]), base.vertices[order], atol=1e-6)
    assert [uv["name"] for uv in mesh["uv"]] == ["UVMap", "UVLightmap"]
    np.testing.assert_allclose(corners(mesh["uv"][0]) * [1, -1] + [0, 1], base.uv[order], atol=1e-6)
    np.testing.assert_allclose(corners(mesh["uv"][1]) * [1, -1] + [0, 1], base.uv[order] * 0.5, atol=1e-6)
    assert corners(mesh["colors"])[:, 3] == pytest.approx(rgba[order, 3] / 255)


def test_every_map_is_on_its_slot_with_the_bytes_of_the_master(tmp_path: Path) -> None:
    material = painted()
    scene = read(export_fbx(Asset((ball(material),)), "x")[0].data, tmp_path)
    (found,) = scene["materials"]
    grey = grey_maps(material)
    wanted = {
        "DiffuseColor": material.base_color_texture, "NormalMap": material.normal_texture,
        "EmissiveColor": material.emissive_texture, "ShininessExponent": grey.roughness,
        "ReflectionFactor": grey.metallic, "AmbientColor": grey.occlusion,
    }  # fmt: skip
    assert set(found["slots"]) == set(wanted)
    for slot, expected in wanted.items():
        assert isinstance(expected, Texture)
        assert scene["images"][found["slots"][slot]] == sha256(expected.data).hexdigest()
    assert set(found["understood"]) == {"base_color", "roughness", "emission_color", "normal_map"}


def test_values_units_axes_and_provenance(tmp_path: Path) -> None:
    glass = Material(
        "glass",
        (0.1, 0.2, 0.3, 0.25),
        0.5,
        0.4,
        (2.0, 1.0, 0.0),
        normal_scale=0.5,
        normal_texture=texture(2),
        alpha_mode="BLEND",
    )
    known = Provenance("Vase", "Ann", "© Ann", "CC-BY-4.0", "mill", True, "a vase", 7)
    scene = read(export_fbx(Asset((ball(glass),), provenance=known), "x")[0].data, tmp_path)
    values, props = scene["materials"][0]["values"], scene["materials"][0]["props"]
    assert values["base_color"][:3] == [0.1, 0.2, 0.3]
    assert values["roughness"][0] == pytest.approx(0.4)
    assert values["emission_color"][:3] == [1.0, 0.5, 0.0]
    assert values["emission_factor"][0] == 2.0
    assert [props[name][0] for name in ("ReflectionFactor", "TransparencyFactor", "BumpFactor")] == [0.5, 0.75, 0.5]
    assert scene["metres"] == 0.01
    assert scene["axes"] == ["POSITIVE_X", "POSITIVE_Y", "POSITIVE_Z"]
    assert scene["warnings"] == []
    written = {key.removeprefix("Meshmill|"): text for key, text in scene["metadata"].items() if "Meshmill|" in key}
    assert written == {
        "title": "Vase", "creator": "Ann", "copyright": "© Ann", "license": "CC-BY-4.0", "generator": "mill",
        "ai_generated": "true", "source_type": "trainedAlgorithmicMedia", "prompt": "a vase", "seed": "7",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("engine", "names"),
    [
        ("none", ["a", "b", "a_LOD1"]),
        ("unity", ["a_LOD0", "b_LOD0", "a_LOD1", "a_LOD0_collision_00"]),
        ("godot", ["a_LOD0", "b_LOD0", "a_LOD1", "a_LOD0_00-convcolonly"]),
        ("unreal", ["chair", "UCX_a_LOD0_00", "chair_LOD0", "a_LOD1", "a_LOD0", "b_LOD0"]),
    ],
)
def test_levels_in_one_file_are_named_for_the_engine(engine: Any, names: list[str], tmp_path: Path) -> None:
    low = Asset((ball(painted(), "a", 0),))
    asset = Asset((ball(painted(), "a"), ball(name="b")), "chair", lods=(low,), collision=(ball(level=0),))
    (file,) = export_fbx(asset, "x", FbxOptions("scene", engine))
    scene = read(file.data, tmp_path)
    assert [node["name"] for node in scene["nodes"]] == names
    assert len(scene["materials"]) == 2
    hidden = [node["name"] for node in scene["nodes"] if not node["visible"]]
    assert hidden == (["a_LOD0_collision_00"] if engine == "unity" else [])
    if engine == "unreal":
        assert {node["name"]: (node["parent"], node["kind"]) for node in scene["nodes"]} == {
            "chair": ("", "LOD_GROUP"), "chair_LOD0": ("chair", "EMPTY"), "a_LOD1": ("chair", "MESH"),
            "a_LOD0": ("chair_LOD0", "MESH"), "b_LOD0": ("chair_LOD0", "MESH"), "UCX_a_LOD0_00": ("", "MESH"),
        }  # fmt: skip


def test_separate_levels_and_texture_files() -> None:
    asset = Asset((ball(painted()),), lods=(Asset((ball(painted(), level=0),)),))
    files = export_fbx(asset, "chair", FbxOptions(textures="files"))
    assert [(file.name, file.lod) for file in files[:2]] == [("chair.fbx", 0), ("chair_LOD1.fbx", 1)]
    assert len(files) == 8
    assert all(texture(0).data not in file.data for file in files[:2])
    assert all(file.name.encode() in files[1].data for file in files[2:])
    assert len(export_fbx(asset, "chair", FbxOptions("none"))) == 1


def test_an_asset_without_faces_is_refused() -> None:
    with pytest.raises(InputError, match="no face"):
        export_fbx(Asset((make_part(np.zeros((3, 3)), [[0, 1, 2]]),)), "x")


@pytest.mark.skipif(ASSIMP_MISSING, reason="needs assimp: apt-get install assimp-utils")
def test_assimp_reads_the_same(tmp_path: Path) -> None:
    asset = Asset((ball(painted(), "a"), ball(name="b")), lods=(Asset((ball(level=0, name="a"),)),))
    path = tmp_path / "x.fbx"
    path.write_bytes(export_fbx(asset, "x", FbxOptions("scene"))[0].data)
    told = subprocess.run(["assimp", "info", str(path), "-v"], capture_output=True, text=True, timeout=60, check=True)
    lines = told.stdout.splitlines()
    assert [line.split()[-1] for line in lines if line.startswith(("Meshes: ", "Faces: "))][:2] == ["3", "180"]
    slots = {line.split("|")[1].strip(" ]") for line in lines if "($tex.file)" in line}
    assert slots == {"Diffuse", "Ambient", "Emissive", "Normals", "Shininess", "Metalness"}
    assert [line[2:].split(" ")[0] for line in lines if "─╴" in line or "├╴" in line or "└╴" in line] == [
        "a",
        "b",
        "a_LOD1",
    ]
    assert any("(-100" in line for line in lines if line.startswith("Minimum point"))


def test_levels_whose_maps_differ_do_not_share_a_file_name() -> None:
    low = replace(painted(), base_color_texture=texture(8))
    asset = Asset((ball(painted()),), lods=(Asset((ball(low, level=0),)),))
    files = export_fbx(asset, "x", FbxOptions(textures="files"))
    colors = {file.name: file.data for file in files if "DiffuseColor" in file.name}
    assert colors == {
        "x_red_paint_DiffuseColor.png": texture(0).data, "x_red_paint_DiffuseColor_2.png": texture(8).data
    }  # fmt: skip
    assert b"DiffuseColor_2.png" in files[1].data
    assert b"DiffuseColor_2.png" not in files[0].data
