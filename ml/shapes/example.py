"""One training example of the shape model: its arrays, their shapes, and how they are kept in a file or a batch."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ml.alignment.tokens import CONTEXT
from ml.asset import F32, U8, InputError

F16 = npt.NDArray[np.float16]
I64 = npt.NDArray[np.int64]

SURFACE, EDGES = 4096, 2048  # points on the surface and on its sharp edges
NEAR, VOLUME = 8192, 4096  # queries near the surface, and anywhere in the box
VIEWS, SIDE = 7, 96  # pictures, and pixels along a side of one
PICTURE, SKETCH = 1, 2  # kinds of what is shown; 0 is nothing
THINNEST = 0.05  # least half side of the box, over the longest
LOOKS = 8  # sRGB albedo 3, roughness, metallic, sRGB emissive 3

# Every array of an example, in the order of a file.
ARRAYS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "tokens": (np.int64, (3, CONTEXT)),
    "extents": (np.float32, (3,)),
    "surface": (np.float16, (SURFACE, 3)),
    "surface_normals": (np.float16, (SURFACE, 3)),
    "surface_looks": (np.uint8, (SURFACE, LOOKS)),
    "edges": (np.float16, (EDGES, 3)),
    "edge_normals": (np.float16, (EDGES, 3)),
    "queries": (np.float16, (NEAR + VOLUME, 3)),
    "distances": (np.float16, (NEAR + VOLUME,)),
    "pictures": (np.uint8, (VIEWS, SIDE, SIDE, 3)),
    "directions": (np.float32, (VIEWS, 2)),
    "sketches": (np.uint8, (VIEWS, SIDE, SIDE)),
}


@dataclass(frozen=True)
class ShapeExample:
    """One asset as the shape model sees it.

    Points are in the box frame: (p − centre) / half side of each axis, in [−1, 1]³, +Y up, front +Z. Normals (unit,
    outward) and distances (negative inside) are in the isotropic frame, p_box · extents, whose longest half side is 1.
    """

    category: str
    captions: tuple[str, str, str]  # long, medium, short; each is true of the asset
    seed: int
    tokens: I64  # (3, CONTEXT), of the three captions
    extents: F32  # (3,) half sides over the longest, each at least THINNEST
    surface: F16  # (4096, 3) uniform by area over the outer surface
    surface_normals: F16  # (4096, 3)
    surface_looks: U8  # (4096, 8) sRGB albedo, roughness, metallic, sRGB emissive
    edges: F16  # (2048, 3) on sharp edges; where there are none, on the surface
    edge_normals: F16  # (2048, 3)
    queries: F16  # (12288, 3): 8192 near the surface, then 4096 uniform in [−1.05, 1.05]³
    distances: F16  # (12288,) of the queries as they are rounded
    pictures: U8  # (7, 96, 96, 3) sRGB: front, right, back, left, then three seeded directions
    directions: F32  # (7, 2) azimuth and elevation, degrees
    sketches: U8  # (7, 96, 96) dark lines on white, of the same views

    def __post_init__(self) -> None:
        for name, (kind, shape) in ARRAYS.items():
            array = getattr(self, name)
            if array.dtype != kind or array.shape != shape:
                raise InputError(
                    "example.bad-shape", f"{name} is {array.dtype} {array.shape}, not {kind.__name__} {shape}"
                )


def example_bytes(example: ShapeExample) -> bytes:
    """The example as an .npz file, 160 kB of the 463 that it takes in memory; words are JSON in the array `meta`.

    Equal examples give equal bytes.
    """
    file = io.BytesIO()
    arrays: dict[str, Any] = {name: getattr(example, name) for name in ARRAYS}
    np.savez_compressed(file, meta=np.array(_words(example)), **arrays)
    return file.getvalue()


def example_of(data: bytes) -> ShapeExample:
    """The example of `example_bytes`; raises InputError `example.damaged` for other bytes, `example.bad-shape`."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return example_of_arrays({name: arrays[name] for name in arrays.files})
    except (BadZipFile, zlib.error, ValueError, EOFError, OSError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("example.damaged", f"not an example of a shape: {error}") from error


def example_of_arrays(arrays: dict[str, npt.NDArray[Any]]) -> ShapeExample:
    """The example whose file holds these arrays, as ml.shards gives them; raises InputError `example.*`."""
    if missing := [name for name in ("meta", *ARRAYS) if name not in arrays]:
        raise InputError("example.damaged", f"an example without {', '.join(missing)}")
    return _example(str(arrays["meta"]), {name: arrays[name] for name in ARRAYS})


def raw_bytes(example: ShapeExample) -> bytes:
    """The example's arrays one after the other, as they lie in memory, then its words: for pipes, 0.1 ms."""
    arrays = [np.ascontiguousarray(getattr(example, name)).tobytes() for name in ARRAYS]
    return b"".join((*arrays, _words(example).encode()))


def raw_example(data: bytes) -> ShapeExample:
    """The example of `raw_bytes`, its arrays views of `data`; raises InputError `example.damaged`."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    start = 0
    for name, (kind, shape) in ARRAYS.items():
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        if start + size > len(data):
            raise InputError("example.damaged", f"an example of {len(data)} bytes ends within its {name}")
        arrays[name] = np.frombuffer(data, kind, int(np.prod(shape)), start).reshape(shape)
        start += size
    return _example(bytes(data[start:]).decode(errors="replace"), arrays)


def _words(example: ShapeExample) -> str:
    return json.dumps({name: getattr(example, name) for name in ("category", "captions", "seed")}, sort_keys=True)


def _example(words: str, arrays: dict[str, npt.NDArray[Any]]) -> ShapeExample:
    try:
        said = json.loads(words)
        long, medium, short = (str(caption) for caption in said["captions"])
        category, seed = str(said["category"]), int(said["seed"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("example.damaged", f"the words of an example are unreadable: {error}") from error
    return ShapeExample(category, (long, medium, short), seed, **arrays)


def stack(examples: Sequence[ShapeExample]) -> dict[str, npt.NDArray[Any]]:
    """One array (n, …) for each of ARRAYS, in their types: what a trainer's buffer takes."""
    stacked: dict[str, npt.NDArray[Any]] = {}
    for name, (kind, shape) in ARRAYS.items():
        stacked[name] = np.empty((len(examples), *shape), kind)
        for row, example in zip(stacked[name], examples, strict=True):
            row[...] = getattr(example, name)
    return stacked
