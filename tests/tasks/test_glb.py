"""The GLB encoder: what it hands over comes back exactly, quickly, with the smallest indices that fit."""

from __future__ import annotations

import io
import json
import struct
import time

import numpy as np
import trimesh
from PIL import Image

from ml.asset import Asset, Material, Provenance, Texture, make_part
from ml.readers.gltf import read_glb
from tasks.glb import encode_glb

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)


def png(color: tuple[int, int, int] = (10, 200, 30)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), color).save(buffer, "PNG")
    return buffer.getvalue()


def test_hand_over_round_trip_is_exact() -> None:
    maps = {
        "base_color_texture": Texture(png(), "image/png", "a"),
        "normal_texture": Texture(png((1, 2, 3)), "image/png", "b"),
    }
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(4, 3))
    normals = (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)
    colors = rng.integers(0, 256, (4, 4), dtype=np.uint8)
    material = Material("Lack ä", emissive=(3.0, 1.5, 0.0), double_sided=True, alpha_mode="BLEND", **maps)  # type: ignore[arg-type]
    parts = (
        make_part(
            CORNERS,
            FACES,
            material,
            name="one",
            normals=normals,
            uv=normals[:, :2].copy(),
            uv1=normals[:, 1:].copy(),
            colors=colors,
        ),
        make_part(CORNERS + 5, FACES[:2], name="two"),
    )
    own = Provenance("Stuhl", "Anna", "© Anna", "CC-BY-4.0", "net", True, "a chair", 7)
    notes = {"generator": "mesh", "b": "ü"}
    lods = (Asset((parts[0],)), Asset((parts[1],)))
    back = read_glb(encode_glb(Asset(parts, "chair № 7", lods, provenance=own, notes=notes)))
    assert [[part.name for part in level.parts] for level in back.lods] == [["one"], ["two"]]
    np.testing.assert_array_equal(back.lods[1].parts[0].faces, FACES[:2])
    assert back.provenance == own
    assert (back.name, dict(back.notes)) == ("chair № 7", {"generator": "mesh", "b": "ü"})
    for ours, theirs in zip(parts, back.parts, strict=True):
        assert (ours.name, ours.material) == (theirs.name, theirs.material)
        for key in ("vertices", "faces", "normals", "uv", "uv1", "colors"):
            a, b = getattr(ours, key), getattr(theirs, key)
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_array_equal(a, b)
                assert a.dtype == b.dtype
                assert b.flags.writeable
                assert b.flags.c_contiguous


def test_indices_take_16_bits_up_to_65535_vertices() -> None:
    def component(count: int) -> int:
        part = make_part(np.random.default_rng(1).normal(size=(count, 3)), np.arange(count // 3 * 3).reshape(-1, 3))
        data = encode_glb(Asset((part,)))
        document = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
        return int(document["accessors"][-1]["componentType"])

    assert (component(65535), component(65536)) == (5123, 5125)


def test_five_megabytes_take_milliseconds_each_way() -> None:
    mesh = trimesh.creation.icosphere(7)
    points = np.asarray(mesh.vertices, np.float32)
    colors = np.zeros((len(points), 4), np.uint8)
    asset = Asset((make_part(points, mesh.faces, normals=points.copy(), colors=colors),))
    data = encode_glb(asset)
    started = time.process_time()
    for _ in range(5):
        read_glb(encode_glb(asset))
    assert len(data) > 5e6
    assert (time.process_time() - started) / 5 < 0.1  # 8 ms here
