"""GLB export, judged by the Khronos validator (0 errors, 0 warnings) and re-read by trimesh."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from ml.asset import Asset, InputError, Material, Part, Provenance, Texture, make_part
from ml.readers.gltf import read_glb
from tasks.engine_names import Engine
from tasks.export_glb import GlbOptions, export_glb
from tasks.export_gltf import export_gltf
from tasks.gltf_scene import Lods
from tasks.png_chunks import plain_png
from tasks.tangents import with_tangents

ROOT = Path(__file__).parents[2]


def texture(seed: int, size: tuple[int, int] = (8, 8), kind: str = "PNG", **extra: Any) -> Texture:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **extra)
    return Texture(buffer.getvalue(), "image/png" if kind == "PNG" else "image/jpeg", f"t{seed}")


def with_chunk(png: Texture, kind: bytes, payload: bytes) -> Texture:
    chunk = struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
    return replace(png, data=png.data[:33] + chunk + png.data[33:])


def ball(material: Material | None = None, name: str = "ball", level: int = 2, **extra: Any) -> Part:
    mesh = trimesh.creation.icosphere(level)
    points = np.asarray(mesh.vertices, np.float32)
    uv = np.stack([np.arctan2(points[:, 0], points[:, 2]) / 6.3 + 0.5, 0.5 - points[:, 1] / 2], axis=1)
    return make_part(points, mesh.faces, material or Material(), name=name, uv=uv.astype(np.float32), **extra)


def messy() -> Part:
    """Unused vertices, repeated and opposite faces, zero-area faces, and normals that are zero or NaN."""
    points = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9], [2, 0, 0], [1, 1, 1]]
    faces = [[0, 1, 2], [0, 2, 1], [0, 1, 4], [1, 1, 2], [0, 1, 5], [0, 1, 2]]
    normals = np.array([[0, 0, 0], [np.nan, 0, 0], [0, 5, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]], np.float32)
    return make_part(points, faces, normals=normals, name="messy")


def every_map() -> Material:
    maps = {"base_color": 1, "metallic_roughness": 2, "normal": 3, "occlusion": 2, "emissive": 4}
    return Material(
        "all", emissive=(4.0, 2.0, 1.0), alpha_mode="MASK", double_sided=True, normal_scale=0.5,
        **{f"{slot}_texture": texture(seed) for slot, seed in maps.items()},
    )  # type: ignore[arg-type]  # fmt: skip


def cases() -> dict[str, Asset]:
    normal_map = Material(normal_texture=texture(3))
    profile = with_chunk(texture(5), b"pHYs", struct.pack(">IIB", 1000, 2000, 0))
    profile = with_chunk(profile, b"iCCP", b"x\0\0" + zlib.compress(b"profile"))
    large = make_part(np.random.default_rng(0).normal(size=(70_000, 3)), np.arange(69_999).reshape(-1, 3))
    return {
        "plain": Asset((ball(),)),
        "messy": Asset((messy(), ball())),
        "every_map": Asset((ball(every_map()), ball(every_map(), "second"))),
        "colors": Asset((ball(colors=np.full((162, 4), 77, np.uint8)),)),
        "maps_without_uv": Asset((replace(ball(every_map()), uv=None),)),
        "flat_uv": Asset((replace(ball(normal_map), uv=np.zeros((162, 2), np.float32)),)),
        "odd_images": Asset(
            (
                ball(Material(base_color_texture=profile, emissive_texture=texture(6, (5, 7), "JPEG"))),
                ball(Material(base_color_texture=texture(7, kind="JPEG", progressive=True)), "q"),
            )
        ),
        "lods": Asset((ball(),), "ä", lods=(Asset((ball(level=1),)), Asset((ball(level=0),))), notes={"k": "v"}),
        "32_bit": Asset((large,)),
        "huge_and_tiny": Asset(tuple(replace(ball(), vertices=ball().vertices * scale) for scale in (1e15, 1e-15))),
        "odd_names": Asset((replace(ball(Material("м/\"")), name=""), replace(ball(), name='a"\\\n'))),
        "transparent": Asset((ball(Material(base_color=(1, 1, 1, 0.5), alpha_mode="BLEND")),)),
    }  # fmt: skip


def game_asset() -> Asset:
    """Two parts with lightmap UVs, two lower levels and two collision bodies."""

    def parts(level: int) -> tuple[Part, ...]:
        first = ball(every_map(), "seat", level)
        return replace(first, uv1=first.uv), replace(ball(name="leg", level=level), uv=None, uv1=first.uv)

    bodies = tuple(replace(ball(level=0, name=f"b{index}"), uv=None) for index in range(2))
    lower = (Asset(parts(1)), Asset(parts(0)))
    own = Provenance("A chair", "Anna", "© Anna", "https://example.org/terms", "procedural", prompt="chair", seed=3)
    return Asset(parts(2), "chair", lods=lower, collision=bodies, provenance=own)


LAYOUTS: list[tuple[Lods, Engine]] = [
    ("separate", "none"), ("none", "unreal"), ("msft", "none"), ("msft", "godot"),
    ("scene", "none"), ("scene", "unity"), ("scene", "unreal"), ("scene", "godot"),
]  # fmt: skip


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One run of the validator over every case's files: 0.3 s of node start-up is paid once."""
    if shutil.which("node") is None or not (ROOT / "tasks/web/node_modules/gltf-validator").is_dir():
        pytest.skip("node or tasks/web/node_modules/gltf-validator is missing: GLB files are not validated")
    folder = tmp_path_factory.mktemp("glb")
    for name, asset in cases().items():
        for file in export_glb(asset, name, GlbOptions(copyright="© us")):
            (folder / file.name).write_bytes(file.data)
    for lods, engine in LAYOUTS:
        for file in export_glb(game_asset(), f"{lods}-{engine}", GlbOptions(lods, engine)):
            (folder / file.name).write_bytes(file.data)
    for file in export_gltf(cases()["every_map"], "files"):
        (folder / file.name).write_bytes(file.data)
    (folder / "broken.glb").write_bytes(export_glb(cases()["plain"], "x")[0].data.replace(b"VEC3", b"VEC4"))
    files = sorted(map(str, folder.glob("*.gl*")))
    command = ["node", str(ROOT / "tests/validate_glb.mjs"), *files]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {Path(line["file"]).stem: line for line in map(json.loads, lines)}


@pytest.mark.parametrize("name", [*cases(), "lods_LOD1", "lods_LOD2", "files", *map("-".join, LAYOUTS)])
def test_the_khronos_validator_finds_no_error_and_no_warning(name: str, verdicts: dict[str, Any]) -> None:
    verdict = verdicts[name]
    assert (verdict["errors"], verdict["warnings"]) == (0, 0), verdict["messages"]


def test_the_judge_does_find_errors(verdicts: dict[str, Any]) -> None:
    assert verdicts["broken"]["errors"] > 0


def trimesh_of(data: bytes) -> trimesh.Scene:
    return trimesh.load(io.BytesIO(data), file_type="glb", process=False)


@pytest.mark.parametrize("name", [name for name in cases() if name != "messy"])
def test_trimesh_reads_back_faces_bounds_and_coordinates(name: str) -> None:
    asset = cases()[name]
    scene = trimesh_of(export_glb(asset, name)[0].data)
    assert sum(len(mesh.faces) for mesh in scene.geometry.values()) == asset.face_count
    np.testing.assert_allclose(scene.bounds, asset.bounds(), rtol=1e-6)
    uv = [mesh.visual.uv for mesh in scene.geometry.values() if getattr(mesh.visual, "uv", None) is not None]
    if name == "every_map":
        np.testing.assert_allclose(np.sort(1 - uv[0][:162, 1]), np.sort(asset.parts[0].uv[:, 1]), atol=1e-6)  # type: ignore[index]


def test_zero_area_faces_and_unused_vertices_are_dropped() -> None:
    part = read_glb(export_glb(Asset((messy(),)), "x")[0].data).parts[0]
    assert len(part.faces) == 4
    assert len(np.unique(part.faces)) == len(part.vertices)
    assert part.normals is not None
    np.testing.assert_allclose(np.linalg.norm(part.normals, axis=1), 1, atol=1e-6)
    flat = Asset((make_part([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]]),))
    with pytest.raises(InputError) as caught:
        export_glb(flat, "x")
    assert caught.value.code == "mesh.no-faces"


def test_shared_textures_and_materials_are_written_once() -> None:
    data = export_glb(cases()["every_map"], "x")[0].data
    document = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
    assert [len(document[key]) for key in ("images", "textures", "materials", "meshes")] == [4, 4, 1, 2]
    assert data.count(texture(2).data) == 1
    assert document["asset"]["generator"] == "Meshmill"


def test_lods_are_files_of_their_own_unless_switched_off() -> None:
    asset = cases()["lods"]
    files = export_glb(asset, "chair")
    assert [(file.name, file.format, file.lod) for file in files] == [
        ("chair.glb", "glb", 0),
        ("chair_LOD1.glb", "glb", 1),
        ("chair_LOD2.glb", "glb", 2),
    ]
    assert [read_glb(file.data).face_count for file in files] == [320, 80, 20]
    assert len(export_glb(asset, "chair", GlbOptions(lods="none"))) == 1


@pytest.mark.parametrize(("lods", "engine"), LAYOUTS)
def test_levels_bodies_lightmaps_and_provenance_are_read_back(lods: Lods, engine: Engine) -> None:
    asset = game_asset()
    back = read_glb(export_glb(asset, "x", GlbOptions(lods, engine))[0].data)
    assert [part.name for part in back.parts] == ["seat", "leg"]
    assert [level.face_count for level in back.lods] == ([] if lods in ("separate", "none") else [160, 40])
    assert len(back.collision) == (0 if engine == "none" else 2)
    assert back.provenance == asset.provenance
    for part in back.parts:
        assert part.uv1 is not None
        np.testing.assert_array_equal(np.unique(part.uv1, axis=0), np.unique(asset.parts[0].uv1, axis=0))  # type: ignore[call-overload]


def test_nodes_are_named_as_engines_read_them() -> None:
    def names(lods: Lods, engine: Engine) -> list[str]:
        data = export_glb(game_asset(), "x", GlbOptions(lods, engine))[0].data
        nodes = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])["nodes"]
        return [node["name"] for node in nodes]

    unity = [f"{part}_LOD{level}" for level in range(3) for part in ("seat", "leg")]
    assert names("scene", "unity")[:6] == unity
    assert names("scene", "unreal")[6:] == ["UCX_seat_LOD0_00", "UCX_seat_LOD0_01"]
    assert names("none", "godot") == ["seat", "leg", "seat_00-convcolonly", "seat_01-convcolonly"]
    assert names("separate", "none") == ["seat", "leg"]


def test_msft_lod_keeps_lower_levels_out_of_the_scene() -> None:
    asset = game_asset().measured({"lod1.coverage": 0.25, "lod2.coverage": 0.02})
    data = export_glb(asset, "x", GlbOptions("msft"))[0].data
    document = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
    (root,) = document["scenes"][0]["nodes"]
    node = document["nodes"][root]
    lower = node["extensions"]["MSFT_lod"]["ids"]
    assert [document["nodes"][at]["name"] for at in (root, *lower)] == ["chair", "chair_LOD1", "chair_LOD2"]
    assert node["extras"]["MSFT_screencoverage"] == [0.25, 0.02, 0.0]
    assert document["extensionsUsed"] == ["KHR_materials_emissive_strength", "KHR_xmp_json_ld", "MSFT_lod"]
    assert len(trimesh_of(data).geometry) >= 2


def test_the_same_asset_gives_the_same_bytes() -> None:
    assert export_glb(cases()["every_map"], "x")[0].data == export_glb(cases()["every_map"], "x")[0].data


def test_tangents_follow_u_and_split_at_mirrored_charts() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [-1, 0, 0], [-1, 1, 0]], np.float32)
    faces = [[0, 1, 2], [0, 2, 3], [0, 3, 5], [0, 5, 4]]
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0], [1, 1], [1, 0]], np.float32)
    normals = np.tile(np.array([[0, 0, 1]], np.float32), (6, 1))
    part, tangents = with_tangents(make_part(points, faces, uv=uv, normals=normals))
    assert len(part.vertices) == 8
    np.testing.assert_allclose(tangents[part.faces[:2]].reshape(-1, 4), [[1, 0, 0, 1]] * 6, atol=1e-6)
    np.testing.assert_allclose(tangents[part.faces[2:]].reshape(-1, 4), [[-1, 0, 0, -1]] * 6, atol=1e-6)


def test_ignored_png_chunks_go_and_pixels_stay() -> None:
    clean = texture(5)
    marked = with_chunk(clean, b"pHYs", struct.pack(">IIB", 1, 2, 0))
    assert plain_png(marked).data == clean.data
    assert plain_png(clean) is clean
