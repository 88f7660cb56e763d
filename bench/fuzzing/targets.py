"""The readers that are fuzzed: what they begin with, the words of their formats, and the errors that are answers."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flows.catalogue import catalogue
from manifests.columns import ASSETS, check
from manifests.csv_records import csv_records
from manifests.errors import UsageError
from manifests.inputs import Inputs
from manifests.jsonl_records import jsonl_records
from manifests.recipe import parse_recipe
from ml.asset import Asset, InputError, make_part
from ml.readers.gltf import read_glb
from ml.readers.limits import ReadLimits
from ml.readers.obj import read_obj
from ml.sources import Source
from tasks.glb import encode_glb

ROOT = Path(__file__).parents[2]
LIMITS = ReadLimits(max_faces=100_000)


@dataclass(frozen=True)
class Target:
    """One reader."""

    name: str
    read: Callable[[bytes], object]  # a short text of what was read
    coded: tuple[type[BaseException], ...]
    words: tuple[bytes, ...]
    seeds: Callable[[], list[bytes]]


@cache
def inputs() -> Inputs:
    """An empty folder as a manifest's: no row may reach beyond it."""
    return Inputs(f"{tempfile.mkdtemp()}/rows.csv")


def read_csv(data: bytes) -> str:
    """Rows of a CSV, each checked."""
    records = csv_records(io.BufferedReader(io.BytesIO(data)), "rows.csv", ASSETS)
    return kinds([check(record, number, inputs()) for number, record in enumerate(records, 1)])


def read_jsonl(data: bytes) -> str:
    """Rows of JSON lines, each checked."""
    records = jsonl_records(io.BufferedReader(io.BytesIO(data)), "rows.jsonl", ASSETS)
    return kinds([check(record, number, inputs()) for number, record in enumerate(records, 1)])


def kinds(rows: list[object]) -> str:
    """How rows were judged."""
    return " ".join(sorted({str(getattr(row, "code", "row")) for row in rows}))


def read_recipe(data: bytes) -> str:
    """A recipe; what is no UTF-8 is refused before the parser."""
    recipe = parse_recipe(data.decode("utf-8", "replace"), "fuzz.toml", catalogue())
    return f"{len(recipe.steps)} {len(recipe.exports)}"


def read_binary(data: bytes) -> str:
    """A self-contained GLB."""
    return parts_of(read_glb(data, LIMITS))


def read_text(data: bytes) -> str:
    """An OBJ whose libraries and textures lie in an empty folder."""
    return parts_of(read_obj(data, Source(f"{inputs().folder}/a.obj", inputs().folder), LIMITS))


def parts_of(asset: Asset) -> str:
    """What was read, roughly."""
    return f"{min(len(asset.parts), 4)} parts {sorted(asset.notes)}"


def manifests() -> list[bytes]:
    """The shipped one, and one with every column."""
    wide = b"id,prompt,negative_prompt,seed,variations,category,style,height_m,up_axis,profile,tags\n"
    wide += b'a,"a red chair, tall",rusty,7,3,chair,modern,1.2,y,game,a;b\n'
    return [(ROOT / "manifests/examples/quickstart.csv").read_bytes()[:2000], wide]


def lines() -> list[bytes]:
    """JSON lines of every type."""
    return [b'{"id": "a", "prompt": "a chair", "seed": 7, "height_m": 1.5, "tags": ["x"]}\n{"prompt": null}\n']


def recipes() -> list[bytes]:
    """The shipped ones."""
    return [path.read_bytes() for path in sorted((ROOT / "manifests/recipes").glob("*.toml"))]


def binaries() -> list[bytes]:
    """A small one of ours with a texture's worth of everything, and a large one of the examples."""
    corners = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    small = Asset((make_part(corners, [[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]),))
    files = sorted((ROOT / "manifests/examples/inputs/meshes").glob("*.glb"))
    return [encode_glb(small), *(path.read_bytes() for path in files if path.stat().st_size < 1 << 16)]


def objects() -> list[bytes]:
    """The shipped one's head, and one of every statement."""
    every = b"mtllib a.mtl\no one\ng two\nusemtl m\nv 0 0 0 1 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nvt 0 0\nvn 0 0 1\n"
    every += b"f 1/1/1 2/1/1 3/1/1\nf -4 -3 -2 -1\nf 1//1 2//1 4//1\nl 1 2\np 1\ns 1\n"
    return [every, (ROOT / "manifests/examples/inputs/meshes/stool.obj").read_bytes()[:3000]]


GLTF = (
    b'"accessors"',
    b'"bufferViews"',
    b'"byteOffset"',
    b'"count"',
    b'"componentType"',
    b"5126",
    b'"VEC3"',
    b'"nodes"',
)
GLTF += (
    b'"extensionsRequired"',
    b'"KHR_draco_mesh_compression"',
    b'"EXT_meshopt_compression"',
    b'"matrix"',
    b'"sparse"',
)
TOML = (
    b"[[steps]]",
    b"[[exports]]",
    b"[gate]",
    b"[generator]",
    b"use = ",
    b'"simplify"',
    b'"glb"',
    b"\n",
    b"= 1979-05-27",
)
ROWS = (b"prompt", b"image", b"sketch", b"mesh", b"id", b"seed", b"variations", b"height_m", b",", b"\n", b'"', b";")
OBJ = (b"v ", b"vt ", b"vn ", b"f ", b"o ", b"g ", b"usemtl ", b"mtllib ", b"\n", b"\\\n", b"//", b"-1")

TARGETS = (
    Target("manifest (CSV)", read_csv, (UsageError,), ROWS, manifests),
    Target("manifest (JSON lines)", read_jsonl, (UsageError,), (*ROWS, b"{", b"}", b"[", b":"), lines),
    Target("recipe", read_recipe, (UsageError,), TOML, recipes),
    Target("GLB", read_binary, (InputError,), GLTF, binaries),
    Target("OBJ", read_text, (InputError,), OBJ, objects),
)
