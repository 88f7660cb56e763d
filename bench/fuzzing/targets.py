"""The readers that are fuzzed: what they begin with, how inputs change, and the errors that are answers."""

from __future__ import annotations

import atexit
import io
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fuzzing import seeds
from fuzzing.containers import Change, change_glb, change_parquet
from fuzzing.mutations import mutated

from flows.catalogue import catalogue
from manifests.columns import ASSETS, check
from manifests.csv_records import csv_records
from manifests.errors import UsageError
from manifests.inputs import Inputs
from manifests.jsonl_records import jsonl_records
from manifests.parquet_records import parquet_records
from manifests.readers import Reader, read_manifest
from manifests.recipe import Catalogue, parse_recipe
from ml.asset import Asset, InputError
from ml.readers.gltf import read_glb
from ml.readers.limits import ReadLimits
from ml.readers.obj import read_obj
from ml.sources import Source

LIMITS = ReadLimits(max_faces=100_000)
MEMORY_DISK = Path("/dev/shm")
MTL = b"newmtl m\nKd 1 0 0\nPr 0.5\nmap_Kd none.png\n"


@dataclass(frozen=True)
class Target:
    """One reader, and its share of all executions: what reads fast is read more often."""

    name: str
    read: Callable[[bytes], object]  # a short text of what was read
    coded: tuple[type[BaseException], ...]
    words: tuple[bytes, ...]
    seeds: Callable[[], list[bytes]]
    share: float = 0.0
    change: Change = mutated


@cache
def folder() -> Path:
    """An empty folder of this process, in memory where there is one: no row and no mesh may reach beyond it."""
    made = Path(tempfile.mkdtemp(prefix="meshmill-fuzz-", dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    (made / "a.mtl").write_bytes(MTL)
    return made


@cache
def inputs() -> Inputs:
    """The folder as a manifest's."""
    return Inputs(f"{folder()}/rows.csv")


def rows_of(reader: Reader) -> Callable[[bytes], str]:
    """A reader of manifests, with each row checked."""

    def read(data: bytes) -> str:
        records = reader(io.BufferedReader(io.BytesIO(data)), "rows", ASSETS)  # type: ignore[arg-type]
        rows = [check(record, number, inputs()) for number, record in enumerate(records, 1)]
        return " ".join(sorted({str(getattr(row, "code", "row")) for row in rows}))

    return read


def read_file(data: bytes) -> str:
    """A whole manifest as a run reads it: recognised by its content, opened, read, each row checked."""
    path = folder() / "rows"
    path.write_bytes(data)
    return " ".join(sorted({str(getattr(row, "code", "row")) for row in read_manifest(str(path))}))


@cache
def names() -> Catalogue:
    """What a recipe may name."""
    return catalogue()


def read_recipe(data: bytes) -> str:
    """A recipe; what is no UTF-8 is refused before the parser."""
    recipe = parse_recipe(data.decode("utf-8", "replace"), "fuzz.toml", names())
    return f"{len(recipe.steps)} {len(recipe.exports)}"


def read_binary(data: bytes) -> str:
    """A self-contained GLB."""
    return parts_of(read_glb(data, LIMITS))


def read_text(data: bytes) -> str:
    """An OBJ whose library lies beside it."""
    return parts_of(read_obj(data, Source(f"{folder()}/a.obj", str(folder())), LIMITS))


def parts_of(asset: Asset) -> str:
    """What was read, roughly."""
    return f"{min(len(asset.parts), 4)} parts, {len(asset.lods)}, {len(asset.collision)}, {sorted(asset.notes)}"


GLTF = (b'"accessors"', b'"bufferViews"', b'"byteOffset"', b'"count"', b'"componentType"', b"5126", b'"VEC3"')
GLTF += (b'"nodes"', b'"extensionsRequired"', b'"KHR_draco_mesh_compression"', b'"matrix"', b'"sparse"')
TOML = (b"[[steps]]", b"[[exports]]", b"[gate]", b"[generator]", b"use = ", b'"simplify"', b'"glb"', b"\n")
TOML += (b"= 1979-05-27", b"[generator.procedural]", b"auto_fix = 1", b'profile = "print"', b"attempts = 2", b"[[")
ROWS = (b"prompt", b"image", b"sketch", b"mesh", b"id", b"seed", b"variations", b"height_m", b",", b"\n", b'"', b";")
OBJ = (b"v ", b"vt ", b"vn ", b"f ", b"o ", b"g ", b"usemtl ", b"mtllib ", b"\n", b"\\\n", b"//", b"-1")
THRIFT = (b"\x15\x00", b"\x15\xfe\xff\xff\xff\x0f", b"\x19\xfc", b"\x00", b"\x18\x80", b"\x1c", b"prompt")

TARGETS = (
    Target("manifest (CSV)", rows_of(csv_records), (UsageError,), ROWS, seeds.manifests, 0.31),
    Target(
        "manifest (JSON lines)", rows_of(jsonl_records), (UsageError,), (*ROWS, b"{", b"}", b":"), seeds.lines, 0.58
    ),
    Target("manifest (Parquet)", rows_of(parquet_records), (UsageError,), THRIFT, seeds.tables, 0.015, change_parquet),
    Target("manifest (any file)", read_file, (UsageError,), ROWS, seeds.files, 0.01),
    Target("recipe", read_recipe, (UsageError,), TOML, seeds.recipes, 0.06),
    Target("GLB", read_binary, (InputError,), GLTF, seeds.binaries, 0.015, change_glb),
    Target("OBJ", read_text, (InputError,), OBJ, seeds.objects, 0.01),
)
