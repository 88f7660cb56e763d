"""What other readers find in each exported file is the asset, number for number; and a wrong byte shows."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from ml.asset import Asset, Material, Part, Provenance, Texture, make_part
from tasks.exporters import EXPORTERS
from tasks.outputs import OutputFile
from tasks.surface import drawable
from tasks.usdz_package import package
from tests.tasks.export_assets import ball, painted

ROOT = Path(__file__).parents[2]
FORMATS = ("fbx", "usdz", "3mf", "obj", "stl", "ply")


def asset() -> Asset:
    """Two parts: one with all maps, one with vertex colours and values."""
    colors = np.random.default_rng(1).integers(0, 256, (12, 4), dtype=np.uint8)
    glass = Material("glass", (0.5, 0.25, 1.0, 0.5), 0.25, 0.5, (0.5, 0, 0), alpha_mode="BLEND")
    small = ball(glass, "glass ball", 0, colors=colors)
    known = Provenance("Ball", "Ann", "© Ann", "CC0-1.0", "mill", True, "a ball", 3)
    moved = replace(small, vertices=small.vertices + np.float32(1.5))
    return drawable(Asset((ball(painted(), "ball", 0), moved), "balls", provenance=known))


def read_all(kind: str, files: list[list[OutputFile]], folder: Path) -> list[Any]:
    """What the reader of a format holds for each export, each written into a folder of its own."""
    paths = []
    for index, export in enumerate(files):
        place = folder / str(index)
        place.mkdir()
        for file in export:
            (place / file.name).write_bytes(file.data)
        paths.append(str(place / export[0].name))
    command = [sys.executable, "-m", "tests.tasks.read_exports", kind, *paths]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(lines) == len(files)
    return lines


def corners(values: Any, part: Part) -> Any:
    return np.asarray(values)[part.faces.reshape(-1)]


def expected(kind: str, part: Part) -> dict[str, Any]:
    """The part at each corner in the format's units and axes."""
    assert part.uv is not None
    x, y, z = part.vertices.T.astype(np.float64)
    upright = (np.stack([x, -z, y], axis=1) * 1000).astype(np.float32)
    points = {"fbx": part.vertices * np.float32(100), "3mf": upright, "stl": upright}.get(kind, part.vertices)
    uv = np.stack([part.uv[:, 0], np.float32(1) - part.uv[:, 1]], axis=1)
    return {"points": corners(points, part), "normals": corners(part.normals, part), "uv": corners(uv, part)}


@pytest.mark.parametrize("kind", ["fbx", "usdz", "3mf", "obj"])
def test_other_readers_find_every_part_number_for_number(kind: str, tmp_path: Path) -> None:
    whole = asset()
    (held,) = read_all(kind, [EXPORTERS[kind].write(whole, "x", EXPORTERS[kind].options())], tmp_path)
    assert "error" not in held
    for part, found in zip(whole.parts, held["meshes"], strict=True):
        assert found["name"] == (part.name.replace(" ", "_") if kind == "obj" else part.name)
        wanted = expected(kind, part)
        np.testing.assert_array_equal(np.asarray(found["points"], np.float32)[:, :3], wanted["points"])
        if kind != "3mf":
            uv = found["uv"]["UVMap"] if kind == "fbx" else found.get("uv", wanted["uv"])
            np.testing.assert_allclose(np.asarray(found["normals"]), wanted["normals"], atol=6e-7)
            np.testing.assert_allclose(np.asarray(uv), wanted["uv"], atol=1e-7)


@pytest.mark.parametrize("kind", ["stl", "ply"])
def test_other_readers_find_the_one_mesh_number_for_number(kind: str, tmp_path: Path) -> None:
    whole = asset()
    (held,) = read_all(kind, [EXPORTERS[kind].write(whole, "x", EXPORTERS[kind].options())], tmp_path)
    wanted = np.concatenate([expected(kind, part)["points"] for part in whole.parts])
    (mesh,) = held["meshes"]
    found = np.asarray(mesh["points"], np.float32)
    np.testing.assert_array_equal(found.T if kind == "ply" else found, wanted)


def damaged(kind: str, export: list[OutputFile], seed: int) -> list[OutputFile]:
    """The export with one byte of its first file wrong; inside archives, whose checksums then fit the wrong byte."""
    random = np.random.default_rng(seed)
    data = export[0].data
    if kind in ("usdz", "3mf"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [(name, archive.read(name)) for name in archive.namelist()]
        chosen = random.choice(len(files), p=np.array([len(file) for _, file in files]) / sum(len(f) for _, f in files))
        files[chosen] = (files[chosen][0], one_wrong(files[chosen][1], random))
        data = package(files)
    else:
        data = one_wrong(data, random)
    return [replace(export[0], data=data), *export[1:]]


def one_wrong(data: bytes, random: np.random.Generator) -> bytes:
    """A digit becomes another digit, any other byte loses or gains its lowest bit."""
    at = int(random.integers(len(data)))
    old = data[at]
    new = 48 + (old - 48 + int(random.integers(1, 10))) % 10 if 48 <= old < 58 else old ^ 1
    return data[:at] + bytes([new]) + data[at + 1 :]


# The share of bytes that readers may skip. FBX: types of properties, creation times, footer. OBJ and PLY: comments.
# USDZ: crates hold unused bits. What they skip is held by the digests below.
UNSEEN = {"fbx": 0.45, "usdz": 0.15, "3mf": 0.05, "obj": 0.1, "stl": 0.0, "ply": 0.1}


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_a_wrong_byte_shows(kind: str, tmp_path: Path) -> None:
    export = EXPORTERS[kind].write(asset(), "x", EXPORTERS[kind].options())
    good, *bad = read_all(kind, [export, *(damaged(kind, export, seed) for seed in range(30))], tmp_path)
    assert "error" not in good
    assert sum(held == good for held in bad) <= UNSEEN[kind] * len(bad)


# A white pixel, so that no encoder's version decides over bytes; arrays of one triangle are too short to be deflated.
PIXEL = Texture(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
        "53de0000000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
    )
)
DIGESTS = {
    "usdz": "58cc97d5918f676d",
    "fbx": "55cadd78e97a8e59",
    "3mf": "379f76f0eb88537e",
    "obj": "019fc5c1aca0087b",
    "stl": "1078d369649c23f9",
    "ply": "b46490a4c55d2f21",
}


@pytest.mark.parametrize("kind", DIGESTS)
def test_every_byte_is_the_one_that_was_checked(kind: str) -> None:
    """A new digest is right only after the readers above, and an importer's own eyes, have seen the new bytes."""
    material = Material(
        "paint", (1, 1, 1, 1), 1.0, 0.5, (0.5, 0, 0), PIXEL, PIXEL, PIXEL, PIXEL, PIXEL, alpha_mode="MASK"
    )
    uv = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
    colors = np.array([[255, 0, 0, 255], [0, 128, 0, 255], [0, 0, 64, 128]], np.uint8)
    part = make_part(
        [[0, 0, 0], [1, 0, 0], [0, 1, 0.5]], [[0, 1, 2]], material, name="é", uv=uv, uv1=uv / 2, colors=colors
    )
    known = Provenance("Tri", "Ann", "© Ann", "CC0-1.0", "mill", True, "a triangle", 3)
    export = EXPORTERS[kind].write(Asset((part,), "tri", provenance=known), "x", EXPORTERS[kind].options())
    made = sha256()
    for name, data in contents(export):
        made.update(name.encode() + data)
    assert made.hexdigest()[:16] == DIGESTS[kind]


def contents(export: list[OutputFile]) -> Iterator[tuple[str, bytes]]:
    """(name, data) of every file, those inside archives; a USD crate, whose bytes are Pixar's, as the text it means."""
    from pxr import Sdf

    for file in export:
        if not zipfile.is_zipfile(io.BytesIO(file.data)):
            yield file.name, file.data
            continue
        with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
            for name in archive.namelist():
                data = archive.read(name)
                if name.endswith(".usdc"):
                    with TemporaryDirectory() as folder:
                        path = Path(folder) / name
                        path.write_bytes(data)
                        data = Sdf.Layer.FindOrOpen(str(path)).ExportToString().encode()
                yield name, data


def test_a_package_is_packed_as_it_was_checked() -> None:
    """Headers and padding of a USDZ: what lies between the files that the digests above hold."""
    made = package([("asset.usdc", b"PXR-USDC"), ("textures/a.png", b"1" * 100), ("b.jpg", b"")])
    assert sha256(made).hexdigest()[:16] == "17336cf1f8b170a6"
