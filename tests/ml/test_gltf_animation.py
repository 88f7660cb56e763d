"""An animated glTF file is read at frame 0 of its first animation; animations that are none are coded errors."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest

from ml.asset import InputError
from ml.readers.gltf import read_glb

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)


def glb(values: list[list[float]], path: str, interpolation: str = "LINEAR", **changes: Any) -> bytes:
    """A tetrahedron under a node that stands at x = 9, with one channel of `values`."""
    arrays = [CORNERS, np.array([0, 1, 2], np.uint16), np.array(values, np.float32)]
    kinds = [("VEC3", 5126), ("SCALAR", 5123), (f"VEC{len(values[0])}", 5126)]
    chunk, views, accessors = b"", [], []
    for number, (array, (kind, component)) in enumerate(zip(arrays, kinds, strict=True)):
        data = array.tobytes()
        views.append({"buffer": 0, "byteOffset": len(chunk), "byteLength": len(data)})
        accessors.append({"bufferView": number, "componentType": component, "count": len(array), "type": kind})
        chunk += data + bytes(-len(data) % 4)
    sampler = {"input": 2, "output": 2, "interpolation": interpolation}
    content = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": len(chunk)}],
        "bufferViews": views,
        "accessors": accessors,
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "nodes": [{"mesh": 0, "translation": [9, 0, 0]}],
        "scenes": [{"nodes": [0]}],
        "animations": [{"channels": [{"sampler": 0, "target": {"node": 0, "path": path}}], "samplers": [sampler]}],
    }
    text = json.dumps(content | changes).encode()
    text += b" " * (-len(text) % 4)
    size = 12 + 8 + len(text) + 8 + len(chunk)
    head = struct.pack("<4sII", b"glTF", 2, size)
    return head + struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(chunk), b"BIN\0") + chunk


def points(data: bytes) -> np.ndarray:
    return read_glb(data).parts[0].vertices[:3]


def test_the_first_keyframe_stands_in_for_the_node() -> None:
    moved = glb([[0, 5, 0], [0, 7, 0]], "translation")
    assert points(moved) == pytest.approx(CORNERS[:3] + np.array([0, 5, 0]))
    assert points(glb([[2, 2, 2], [1, 1, 1]], "scale")) == pytest.approx(CORNERS[:3] * 2 + np.array([9, 0, 0]))
    half = float(np.sqrt(0.5))
    turned = points(glb([[0, 0, half, half], [0, 0, 0, 1]], "rotation"))  # a quarter about Z
    assert turned == pytest.approx(np.array([[9, 0, 0], [9, 1, 0], [8, 0, 0]]), abs=1e-6)
    cubic = glb([[1, 1, 1], [0, 3, 0], [1, 1, 1]], "translation", "CUBICSPLINE")
    assert points(cubic) == pytest.approx(CORNERS[:3] + np.array([0, 3, 0]))
    assert points(glb([[5, 5, 5]], "weights")) == pytest.approx(CORNERS[:3] + np.array([9, 0, 0]))
    assert "frame 0" in read_glb(moved).notes["import_notes"]


@pytest.mark.parametrize(
    "animations",
    [
        [3],
        [{"channels": 3}],
        [{"channels": [3]}],
        [{"channels": [{"target": 3}]}],
        [{"channels": [{"target": {"node": 0, "path": "scale"}}]}],
        [{"channels": [{"target": {"node": 0, "path": "scale"}, "sampler": 9}], "samplers": []}],
        [{"channels": [{"target": {"node": 0, "path": "scale"}, "sampler": 0}], "samplers": [{"output": 99}]}],
        [{"channels": [{"target": {"node": 0, "path": "rotation"}, "sampler": 0}], "samplers": [{"output": 0}]}],
        [{"channels": [{"target": {"node": 0, "path": ["scale"]}, "sampler": 0}], "samplers": [{"output": 0}]}],
        [{"channels": [{"target": {"node": 0, "path": "scale"}, "sampler": 0}], "samplers": 5}],
    ],
)
def test_broken_animations_are_coded_errors_or_left_out(animations: Any) -> None:
    data = glb([[1, 1, 1]], "scale", animations=animations)
    try:
        assert np.isfinite(points(data)).all()
    except InputError as error:
        assert error.code.startswith("mesh.")  # noqa: PT017 - either is an answer
