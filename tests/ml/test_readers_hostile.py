"""Valid files of every format, cut short and altered at random: an asset that passes its checks, or an InputError."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import trimesh
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, Texture, make_part
from ml.readers.limits import ReadLimits
from ml.readers.registry import READERS
from ml.sources import Source
from tasks.glb import encode_glb

IN_PROCESS = [form for form in READERS if not form.startswith(("fbx", "usd"))]  # those start a process for each file
NOWHERE = Source("/nowhere/mesh.obj", "/nowhere")
LIMITS = ReadLimits(max_faces=10_000)
QUADS = (
    b"mtllib no.mtl\nv 0 0 0 1 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvn 0 0 1\n"
    b"o a\nusemtl b\nf 1/1/1 2/1/1 3/1/1 -1/1/1\n"
)
MIXED_PLY = (
    b"ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    b"property uchar red\nproperty uchar green\nproperty uchar blue\nelement face 2\n"
    b"property list uchar int vertex_indices\nend_header\n"
    b"0 0 0 1 2 3\n1 0 0 1 2 3\n1 1 0 1 2 3\n0 1 0 1 2 3\n4 0 1 2 3\n3 0 1 2\n"
)


@cache
def samples() -> dict[str, tuple[str, bytes]]:
    """A small valid file of each kind by (reader, bytes)."""
    box = trimesh.creation.box((1, 2, 3))
    uv = np.asarray(box.vertices[:, :2], np.float32)
    material = Material(base_color_texture=Texture.from_pixels(np.zeros((2, 2, 3), np.uint8)))
    part = make_part(box.vertices, box.faces, material, uv=uv, colors=np.full((8, 4), 9, np.uint8))
    part = replace(part, normals=(part.vertices / np.linalg.norm(part.vertices, axis=1)[:, None]).astype(np.float32))
    exported = {kind: box.export(file_type=kind) for kind in ("obj", "ply", "stl", "stl_ascii", "off")}
    files = {kind: data if isinstance(data, bytes) else data.encode() for kind, data in exported.items()}
    files |= {"glb": encode_glb(Asset((part,), notes={"a": "b"})), "obj_quads": QUADS, "ply_mixed": MIXED_PLY}
    return {kind: (kind.partition("_")[0], data) for kind, data in files.items()}


def check(form: str, data: bytes) -> None:
    try:
        asset = READERS[form](data, NOWHERE, LIMITS)
    except InputError:
        return
    for part in asset.parts:
        again = make_part(part.vertices, part.faces, normals=part.normals, uv=part.uv, colors=part.colors)
        assert len(again.faces) <= LIMITS.max_faces
        assert part.uv is None or np.isfinite(part.uv).all()
        assert part.normals is None or np.abs(np.linalg.norm(part.normals, axis=1) - 1).max(initial=0) < 1e-3


@pytest.mark.parametrize("kind", samples())
def test_the_samples_are_valid(kind: str) -> None:
    form, data = samples()[kind]
    assert READERS[form](data, NOWHERE, LIMITS).face_count >= 2


@pytest.mark.parametrize("kind", samples())
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_altered_bytes(kind: str, data: st.DataObject) -> None:
    form, valid = samples()[kind]
    changed = bytearray(valid)
    edits = data.draw(st.lists(st.tuples(st.integers(0, len(valid) - 1), st.integers(0, 255)), min_size=1, max_size=6))
    for at, value in edits:
        changed[at] = value
    check(form, bytes(changed))


@pytest.mark.parametrize("kind", samples())
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_cut_and_repeated_bytes(kind: str, data: st.DataObject) -> None:
    form, valid = samples()[kind]
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(valid))] * 2)))
    check(form, valid[:start])
    check(form, valid[:start] + valid[end:])
    check(form, valid[:end] + valid[start:])


@pytest.mark.parametrize("form", IN_PROCESS)
@settings(max_examples=60, deadline=None)
@given(noise=st.binary(max_size=300))
@example(noise=b"")
@example(noise=b"solid\nfacet\nvertex 1 2 3\nendsolid")
@example(noise=b"f 1 2 3")
@example(noise=b"{}")
@example(noise=b'{"asset": [] }')
@example(noise=b"[" * 100_000)
def test_noise(form: str, noise: bytes) -> None:
    check(form, noise)
