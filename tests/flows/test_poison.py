"""Hostile rows: each becomes one row with a coded reason, its neighbours are untouched, the run ends well."""

import json
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flows.engine import InlineEngine, Policy
from flows.execute import drive
from flows.guard import Limits
from flows.run import Run, RunConfig

pytestmark = pytest.mark.slow

RECIPE = """
[generator]
use = "auto"
[[steps]]
use = "clean"
[[exports]]
use = "glb"
[gate]
profile = "none"
"""


def glb(document: dict[str, object], binary: bytes = b"") -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    if binary:
        chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks


def face_bomb() -> bytes:
    """A few hundred bytes that claim 10 million faces: accessors without a buffer are zeros by the specification."""
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"componentType": 5126, "type": "VEC3", "count": 3, "min": [0, 0, 0], "max": [0, 0, 0]},
            {"componentType": 5125, "type": "SCALAR", "count": 30_000_000},
        ],
    }
    return glb(document)


def png_bomb() -> bytes:
    """60,000 × 60,000 black pixels in half a megabyte, 3.6 gigapixels when decoded."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    squeeze = zlib.compressobj(9)
    rows = b"".join(squeeze.compress(bytes(7501)) for _ in range(60_000)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def folder(plugins: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest with all the poison, a recipe, and a file that no row may reach."""
    top = tmp_path_factory.mktemp("poison")
    folder = top / "manifest"
    folder.mkdir()
    (top / "secret.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (folder / "nan.obj").write_text("v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (folder / "empty.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\n")
    (folder / "bomb.glb").write_bytes(face_bomb())
    (folder / "short.glb").write_bytes(face_bomb()[:60])
    (folder / "bomb.png").write_bytes(png_bomb())
    (folder / "liar.stl").write_bytes(bytes(80) + struct.pack("<I", 1_000_000) + bytes(50))
    (folder / "boaster.stl").write_bytes(bytes(80) + struct.pack("<I", 10_000_000) + bytes(50))
    (folder / "recipe.toml").write_text(RECIPE)
    rows = [
        "id,prompt,image,mesh,category,generator",
        "before,a red chair,,,,",
        "hang,a chair,,,hang,poison",
        "segfault,a chair,,,segfault,poison",
        "balloon,a chair,,,balloon,poison",
        "nan,,,nan.obj,,",
        "empty,,,empty.obj,,",
        "bomb,,,bomb.glb,,",
        "liar,,,liar.stl,,",
        "boaster,,,boaster.stl,,",
        "short,,,short.glb,,",
        "png,,bomb.png,,,",
        "escape,,,../secret.obj,,",
        f"long,{'chair ' * 17_000},,,,",
        "after,a blue table,,,,",
    ]
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    return top


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> dict[str, dict[str, Any]]:
    """The ledger's rows of one run over all the poison, by id."""
    ledger = mill(folder, "rows.csv", "out")
    assert len(ledger) == len(EXPECTED)
    return ledger


def mill(folder: Path, manifest: str, out: str) -> dict[str, dict[str, Any]]:
    """Run to the end under tight limits; the ledger by id."""
    config = RunConfig(str(folder / "manifest" / manifest), str(folder / "manifest" / "recipe.toml"), str(folder / out))
    engine = InlineEngine(Policy(Limits(seconds=6, memory_bytes=2 << 30), tries=2))
    run = Run(config)
    try:
        with ThreadPoolExecutor(2) as pool:
            drive(run, engine, lambda work: pool.submit(work.run))
    finally:
        engine.close()
    return {str(row["id"]): row for row in run.ledger.rows()}


EXPECTED = {
    "before": ("passed", None),
    "hang": ("quarantined", "guard.timeout"),
    "segfault": ("quarantined", "guard.crash.SIGSEGV"),
    "balloon": ("quarantined", "guard.memory"),
    "nan": ("failed", "mesh.not-finite"),
    "empty": ("failed", "mesh.no-faces"),
    "bomb": ("failed", "mesh.too-large"),
    "liar": ("failed", "mesh.truncated"),
    "boaster": ("failed", "mesh.too-large"),
    "short": ("failed", "mesh.truncated"),
    "png": ("failed", "image.too-large"),
    "escape": ("invalid", "row.outside"),
    "long": ("invalid", "row.too-long"),
    "after": ("passed", None),
}


@pytest.mark.parametrize("id", EXPECTED)
def test_one_coded_row_each(outcomes: dict[str, dict[str, Any]], id: str) -> None:
    outcome, reason = EXPECTED[id]
    row = outcomes[id]
    assert row["outcome"] == outcome, row["message"]
    if reason:
        assert row["reasons"] == [reason]
        assert row["message"]


def test_the_killed_keep_their_last_words_and_their_tries(outcomes: dict[str, dict[str, Any]]) -> None:
    for id in ("hang", "segfault", "balloon"):
        assert outcomes[id]["attempts"] == 2
        assert f"about to {id}" in outcomes[id]["meta"]["stderr"]
    assert "Segmentation fault" in outcomes["segfault"]["meta"]["stderr"]


def test_neighbours_are_as_without_the_poison(outcomes: dict[str, dict[str, Any]], folder: Path) -> None:
    (folder / "manifest" / "clean.csv").write_text("id,prompt\nbefore,a red chair\nafter,a blue table\n")
    for id, row in mill(folder, "clean.csv", "clean").items():
        assert row["outputs"] == outcomes[id]["outputs"] != []
        assert row["metrics"] == outcomes[id]["metrics"]
