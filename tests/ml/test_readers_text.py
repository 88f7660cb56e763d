"""OBJ, MTL, PLY, STL and OFF: what each variant of a format holds, against trimesh and against known values."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from ml.asset import Asset, InputError
from ml.readers.colors import linear_bytes
from ml.readers.images import load_texture
from ml.readers.limits import ReadLimits
from ml.readers.obj import read_obj
from ml.readers.off import read_off
from ml.readers.ply import read_ply
from ml.readers.registry import READERS, mesh_format, read_mesh
from ml.readers.stl import read_stl
from ml.sources import Source
from ml.srgb import to_linear, to_srgb

CUBE = trimesh.creation.box((1, 2, 3))
NOWHERE = Source("/nowhere/mesh.obj", "/nowhere")
TINY = ReadLimits(max_faces=3)


def obj(text: str, source: Source = NOWHERE) -> Asset:
    return read_obj(text.encode(), source)


def code_of(call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return caught.value.code


def area(asset: Asset) -> float:
    return float(sum(trimesh.Trimesh(part.vertices, part.faces, process=False).area for part in asset.parts))


def image(folder: Path, name: str, color: tuple[int, ...] = (9, 8, 250), mode: str = "RGB") -> bytes:
    (folder / name).parent.mkdir(exist_ok=True)
    Image.new(mode, (4, 4), color if mode == "RGB" else color[0]).save(folder / name)
    return (folder / name).read_bytes()


SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"


@pytest.mark.parametrize("style", ["{0}", "{0}/{0}", "{0}//{0}", "{0}/{0}/{0}", "{0}/{0}/", "{0}//", "-{1}/-{1}/-{1}"])
def test_every_corner_style(style: str) -> None:
    tables = "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n" + "vn 0 0 2\n" * 4
    face = "f " + " ".join(style.format(k, 5 - k) for k in (1, 2, 3, 4))
    part = obj(SQUARE + tables + face).parts[0]
    assert area(Asset((part,))) == pytest.approx(1)
    assert (part.uv is not None) == (style.count("/") > 0 and "//" not in style)
    if part.uv is not None:
        np.testing.assert_allclose(part.uv, [[0, 1], [1, 1], [1, 0], [0, 0]])
    if part.normals is not None:
        np.testing.assert_allclose(part.normals, [[0, 0, 1]] * 4)


def test_a_negative_index_counts_back_from_its_own_line() -> None:
    asset = obj(SQUARE + "f -4 -3 -2\n" + "v 9 9 9\nv 8 9 9\nv 9 8 9\nf -1 -2 -3")
    np.testing.assert_allclose(asset.bounds(), [[0, 0, 0], [9, 9, 9]])
    assert asset.parts[0].vertices[asset.parts[0].faces[1]].tolist() == [[9, 8, 9], [8, 9, 9], [9, 9, 9]]


def test_vertices_split_only_where_a_corner_differs() -> None:
    part = obj(SQUARE + "vt 0 0\nvt 1 1\nf 1/1 2/1 3/1\nf 1/2 3/1 4/1").parts[0]
    assert len(part.vertices) == 5


def test_parts_follow_objects_groups_and_materials_with_awkward_lines() -> None:
    text = (
        "\ufeff# c\r\n  v 0 0 0 # origin\r\n\tv 1 0 0\r\nv 1 1 0\r\nv 0 1 \\\r\n 0\r\no my obj\nusemtl red paint\n"
        "f 1 2 3\ng lid\nf 1 3 4\no my obj\ng\nusemtl red paint\nf 1 2 4\nl 1 2\nf 1 2\n"
    )
    asset = obj(text)
    assert [(part.name, part.material.name, len(part.faces)) for part in asset.parts] == [
        ("my obj", "red paint", 2),
        ("lid", "red paint", 1),
    ]
    assert "lines" in asset.notes["import_notes"]


def test_coordinates_too_large_for_float32_become_zero() -> None:
    uv = obj(SQUARE + "vt 1e300 0.25\nf 1/1 2/1 3/1").parts[0].uv
    assert uv is not None
    assert uv.tolist() == [[0, 0.75]] * 3


def test_a_group_for_every_face_does_not_become_a_part_for_every_face() -> None:
    faces = "".join(f"g g{k}\nusemtl m{k % 2}\nf 1 2 3\n" for k in range(3000))
    assert [part.material.name for part in obj(SQUARE + faces).parts] == ["m0", "m1"]


def test_vertex_colors_are_srgb_and_white_where_missing() -> None:
    part = obj("v 0 0 0 1 0.5 0\nv 1 0 0 0 0 0\nv 0 1 0\nf 1 2 3").parts[0]
    assert part.colors is not None
    assert part.colors.tolist() == [[255, 55, 0, 255], [0, 0, 0, 255], [255, 255, 255, 255]]
    assert obj("v 0 0 0 1\nv 1 0 0 1\nv 0 1 0 1\nf 1 2 3").parts[0].colors is None


@pytest.mark.parametrize("shift", range(7))
def test_concave_polygons_keep_their_area(shift: int) -> None:
    star = [(0, 0), (4, 0), (4, 3), (3, 3), (3, 1), (1, 1), (0, 3)]  # a U: no single fan from most corners
    turned = star[shift:] + star[:shift]
    text = "".join(f"v {x} {y} 0\n" for x, y in turned) + "f " + " ".join(map(str, range(1, 8)))
    asset = obj(text)
    x, y = np.array(turned).T
    assert asset.face_count == 5
    assert area(asset) == pytest.approx(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def test_a_comb_no_fan_can_fill_is_clipped_by_ears() -> None:
    comb = [(0, 0), (9, 0), (9, 5), (8, 5), (8, 1), (6, 1), (6, 5), (5, 5), (5, 1), (2, 1), (2, 5), (0, 5)]
    text = "".join(f"v 0 {x} {y}\n" for x, y in comb) + "f " + " ".join(map(str, range(1, 13)))
    assert area(obj(text)) == pytest.approx(9 + 4 + 4 + 8)


def test_mtl_values_maps_and_awkward_names(tmp_path: Path) -> None:
    data = image(tmp_path, "tex/my color.png")
    image(tmp_path, "bump.png", (128, 128, 255))
    image(tmp_path, "height.png", (90, 90, 90))
    image(tmp_path, "rough.png", (51, 0, 0), "L")
    image(tmp_path, "metal.png", (204, 0, 0), "L")
    (tmp_path / "my lib.mtl").write_text(
        "newmtl a\nKd 0.5 0.25 1\nd 0.5\nKe 1 0 0\nPr 0.3\nPm 1\nmap_Kd -s 1 1 1 -bm 0.3 tex\\my color.png\n"
        "map_Bump bump.png\nmap_Ke none.png\nnewmtl b\nNs 98\nTr 0.25\nmap_bump height.png\n"
        "map_Pr rough.png\nmap_Pm metal.png\n"
    )
    text = "mtllib my lib.mtl\n" + SQUARE + "usemtl a\nf 1 2 3\nusemtl b\nf 1 3 4"
    asset = obj(text, Source(str(tmp_path / "x.obj"), str(tmp_path)))
    a, b = (part.material for part in asset.parts)
    assert (a.base_color, a.roughness, a.metallic, a.emissive, a.alpha_mode) == (
        (0.5, 0.25, 1, 0.5), 0.3, 1, (1, 0, 0), "BLEND")  # fmt: skip
    assert a.base_color_texture is not None
    assert (a.base_color_texture.data, a.base_color_texture.name) == (data, "my color.png")
    assert a.normal_texture is not None
    assert b.normal_texture is None
    assert b.base_color[3] == 0.75
    assert b.metallic_roughness_texture is not None
    assert b.metallic_roughness_texture.pixels()[0, 0].tolist() == [255, 51, 204, 255]
    assert "none.png" in asset.notes["import_notes"]
    assert "height map" in asset.notes["import_notes"]


def test_a_library_or_texture_outside_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.mtl").write_text("newmtl a\n")
    source = Source(str(tmp_path / "in" / "x.obj"), str(tmp_path / "in"))
    assert code_of(obj, "mtllib ../secret.mtl\n" + SQUARE + "f 1 2 3", source) == "input.outside"
    (tmp_path / "in" / "a.mtl").write_text("newmtl a\nmap_Kd ../../etc/passwd\n")
    assert code_of(obj, "mtllib a.mtl\n" + SQUARE + "f 1 2 3", source) == "input.outside"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (SQUARE + "f 1 2 5", "mesh.bad-index"),
        (SQUARE + "f 0 1 2", "mesh.bad-index"),
        (SQUARE + "f -5 1 2", "mesh.bad-index"),
        (SQUARE + "f 1/1 2/1 3/1", "mesh.bad-index"),
        (SQUARE + "f 1 2/1 3//1", "mesh.broken"),
        (SQUARE + "f a b c", "mesh.broken"),
        ("v 0 0\n" + SQUARE + "f 1 2 3", "mesh.broken"),
        ("v 0 0 x\n" + SQUARE + "f 1 2 3", "mesh.broken"),
        ("v nan 0 0\n" + SQUARE + "f 1 2 3", "mesh.not-finite"),
    ],
)
def test_wrong_obj_lines_are_coded(text: str, code: str) -> None:
    assert code_of(obj, text) == code


def test_a_hundred_thousand_faces_parse_in_bulk() -> None:
    grid = np.arange(225 * 225).reshape(225, 225)
    a, b, c, d = grid[:-1, :-1].ravel(), grid[:-1, 1:].ravel(), grid[1:, 1:].ravel(), grid[1:, :-1].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]) + 1
    points = "".join(f"v {k * 0.001:.6f} {k * 0.002:.6f} {(k * 7919) % 1000:.6f}\n" for k in range(grid.size))
    text = points + "".join(f"f {i} {j} {k}\n" for i, j, k in faces.tolist())
    started = time.process_time()
    assert obj(text).face_count == len(faces)
    assert time.process_time() - started < 1.0  # 0.12 s here; line by line it takes 1.5


PLY = """ply
format ascii 1.0
comment made by hand
element vertex 4
property double x
property double y
property double z
property uchar red
property uchar green
property uchar blue
property float s
property float t
element face {n}
property list uchar int vertex_indices
end_header
0 0 0 255 0 128 0 0
1 0 0 255 0 128 1 0
1 1 0 255 0 128 1 1
0 1 0 255 0 128 0 1
"""


def test_ascii_ply_with_colors_coordinates_and_mixed_polygons() -> None:
    part = read_ply((PLY.format(n=2) + "4 0 1 2 3\n3 0 1 2\n").encode(), NOWHERE).parts[0]
    assert part.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]
    assert part.colors is not None
    assert part.colors[0].tolist() == [255, 0, 55, 255]
    assert part.uv is not None
    assert part.uv.tolist() == [[0, 1], [1, 1], [1, 0], [0, 0]]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("mixed", [False, True])
def test_binary_ply_of_either_byte_order(order: str, mixed: bool) -> None:
    kind = {"<": "little", ">": "big"}[order]
    header = (
        f"ply\nformat binary_{kind}_endian 1.0\nelement vertex 8\nproperty float x\nproperty float y\n"
        f"property float z\nproperty float nx\nproperty float ny\nproperty float nz\nelement face {12 + mixed}\n"
        "property uchar flag\nproperty list uchar uint vertex_index\nend_header\n"
    )
    vertices = np.hstack([CUBE.vertices, CUBE.vertices / np.linalg.norm(CUBE.vertices, axis=1)[:, None]])
    body = vertices.astype(order + "f4").tobytes()
    body += b"".join(struct.pack(order + "BB3I", 7, 3, *face) for face in CUBE.faces.tolist())
    body += struct.pack(order + "BB4I", 7, 4, 0, 1, 2, 3) * mixed
    part = read_ply(header.encode() + body, NOWHERE).parts[0]
    np.testing.assert_array_equal(part.faces[:12], CUBE.faces)
    assert len(part.faces) == 12 + 2 * mixed
    np.testing.assert_allclose(part.vertices, CUBE.vertices)
    assert part.normals is not None
    assert code_of(read_ply, header.encode() + body[:-3], NOWHERE) == "mesh.truncated"


def test_ply_texture_file_comment(tmp_path: Path) -> None:
    data = image(tmp_path, "skin.png")
    text = PLY.replace("made by hand", "TextureFile skin.png").format(n=1) + "3 0 1 2\n"
    part = read_ply(text.encode(), Source(str(tmp_path / "a.ply"), str(tmp_path))).parts[0]
    assert part.material.base_color_texture is not None
    assert part.material.base_color_texture.data == data


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PLY.format(n=1), "mesh.truncated"),
        (PLY.format(n=1) + "3 0 1", "mesh.truncated"),
        (PLY.format(n=1) + "3 0 1 9", "mesh.bad-index"),
        (PLY.format(n=1) + "3 0 1 nan", "mesh.bad-index"),
        (PLY.format(n=1) + "-3 0 1 2", "mesh.broken"),
        (PLY.format(n=10**9), "mesh.too-large"),
        (PLY.replace("vertex 4", "vertex 99999999999").format(n=1), "mesh.too-large"),
        (PLY.replace("double x", "wat x").format(n=1), "mesh.broken"),
        (PLY.replace("double x", "double q").format(n=0), "mesh.broken"),
        ("ply\nformat ascii 1.0\n", "mesh.truncated"),
    ],
)
def test_wrong_ply_files_are_coded(text: str, code: str) -> None:
    assert code_of(read_ply, text.encode(), NOWHERE) == code


@pytest.mark.parametrize("kind", ["stl", "stl_ascii"])
def test_stl_is_welded_and_notes_that_it_has_no_units(kind: str) -> None:
    data = CUBE.export(file_type=kind)
    asset = read_stl(data if isinstance(data, bytes) else data.encode())
    part = asset.parts[0]
    assert (len(part.vertices), len(part.faces)) == (8, 12)
    assert trimesh.Trimesh(part.vertices, part.faces, process=False).is_watertight
    assert area(asset) == pytest.approx(CUBE.area)
    assert "units" in asset.notes["import_units"]


def test_stl_truncation_claims_and_a_binary_header_that_says_solid() -> None:
    data = CUBE.export(file_type="stl")
    assert code_of(read_stl, data[:-1]) == "mesh.truncated"
    assert code_of(read_stl, data[:50]) == "mesh.truncated"
    assert code_of(read_stl, data[:80] + struct.pack("<I", 2**32 - 1)) == "mesh.too-large"
    assert read_stl(b"solid facet".ljust(80) + data[80:]).face_count == 12
    text = CUBE.export(file_type="stl_ascii")
    assert code_of(read_stl, text[: len(text) // 2].encode()) == "mesh.truncated"


def test_off_and_its_variants() -> None:
    plain = read_off(CUBE.export(file_type="off").encode())
    assert plain.face_count == 12
    assert area(plain) == pytest.approx(CUBE.area)
    head = "STCNOFF # all\n3 1 0\n"
    rows = "".join(f"{x} {y} 0 0 0 2 255 0 0 255 {x} {y}\n" for x, y in ((0, 0), (1, 0), (0, 1)))
    part = read_off((head + rows + "3 0 1 2 0.5 0.5 0.5\n").encode()).parts[0]
    assert part.normals is not None
    assert part.colors is not None
    assert part.uv is not None
    assert (part.normals[0].tolist(), part.colors[0].tolist()) == ([0, 0, 1], [255, 0, 0, 255])
    assert part.uv.tolist() == [[0, 1], [1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n", "mesh.truncated"),
        ("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1", "mesh.truncated"),
        ("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 7", "mesh.bad-index"),
        ("OFF\n3 99999999 0\n", "mesh.too-large"),
        ("OFF\n", "mesh.truncated"),
        ("OFF\nx y z", "mesh.broken"),
    ],
)
def test_wrong_off_files_are_coded(text: str, code: str) -> None:
    assert code_of(read_off, text.encode()) == code


def test_claims_above_the_limit_are_refused_in_every_format() -> None:
    for kind in ("obj", "ply", "stl", "off", "glb"):
        data = CUBE.export(file_type=kind)
        data = data if isinstance(data, bytes) else data.encode()
        assert code_of(READERS[kind], data, NOWHERE, TINY) == "mesh.too-large", kind


@pytest.mark.parametrize("kind", ["obj", "ply", "stl", "stl_ascii", "off", "glb", "gltf"])
def test_the_content_decides_before_the_extension(kind: str, tmp_path: Path) -> None:
    exported = trimesh.Scene(CUBE).export(file_type=kind) if kind == "gltf" else CUBE.export(file_type=kind)
    files = exported if isinstance(exported, dict) else {f"m.{kind}": exported}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    main = next(tmp_path / name for name in files if not name.endswith(".bin"))
    wrong = main.rename(tmp_path / "model.dat")
    asset = read_mesh(Source(str(wrong), str(tmp_path)))
    assert asset.notes["import_format"] == kind.removesuffix("_ascii")
    assert asset.face_count == 12
    np.testing.assert_allclose(asset.bounds(), CUBE.bounds, atol=1e-6)


def test_unknown_and_empty_files() -> None:
    assert code_of(mesh_format, b"\x89PNG\r\n", ".png") == "mesh.unsupported"
    assert code_of(mesh_format, b"", ".obj") == "mesh.truncated"


def test_color_conversion_is_the_srgb_curve_and_its_inverse() -> None:
    values = np.linspace(0, 1, 11)
    np.testing.assert_allclose(to_srgb(to_linear(values)), values, atol=1e-12)
    assert to_linear(0.5) == pytest.approx(0.21404, abs=1e-5)
    assert linear_bytes(np.array([[188, 0, 255, 7]], np.uint8)).tolist() == [[128, 0, 255, 7]]


def test_images_keep_their_bytes(tmp_path: Path) -> None:
    data = image(tmp_path, "a.png")
    assert load_texture(data).data is data
    buffer = io.BytesIO()
    Image.new("CMYK", (4, 4)).save(buffer, "JPEG")
    assert load_texture(buffer.getvalue()).mime == "image/png"
