"""Small sound inputs that fuzzing begins with: files of every format, with every feature that a reader has code for."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fuzzing.containers import join_glb, split_glb

from ml.asset import Asset, Material, Part, Provenance, Texture, make_part
from tasks.export_glb import GlbOptions, export_glb
from tasks.export_glb_web import GlbWebOptions, export_glb_web

ROOT = Path(__file__).parents[2]
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
PACKINGS: tuple[Literal["quantized", "meshopt", "draco"], ...] = ("quantized", "meshopt", "draco")
FACES = [[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]


def manifests() -> list[bytes]:
    """The shipped one's first rows, and one with every column."""
    wide = b"id,prompt,negative_prompt,seed,variations,category,style,height_m,up_axis,profile,tags,mesh,other\n"
    wide += b'a,"a red chair, tall",rusty,7,3,chair,modern,1.2,y,game,a;b,a.obj,1\n'
    return [b'id,prompt\na,"a ""b"""\nb,\n', b"prompt;image;tags\na chair;a.png;b,c\n", wide]


def lines() -> list[bytes]:
    """JSON lines of every type."""
    every = {"id": "a", "prompt": "a chair", "seed": 7, "height_m": 1.5, "tags": ["x"], "images": ["a.png"], "o": {}}
    return [json.dumps(every).encode(), b'{"prompt": null}\n{"prompt": "b", "variations": 2, "x": [1, true]}\n']


def tables() -> list[bytes]:
    """Parquet files of two or three rows: plain, by dictionary, compressed, with lists, structs, times and bytes."""
    plain = pa.table({"id": ["a", "b"], "prompt": ["x", None], "seed": [1, 2], "height_m": [0.5, None]})
    odd = {"prompt": ["x", "x", "y"], "tags": [["a"], [], None], "n": [{"a": 1}] * 3, "b": [b"\xff"] * 3}
    times = {"prompt": ["x"], "t": pa.array([0], pa.timestamp("us")), "d": pa.array([1], pa.decimal128(9, 2))}
    return [
        _parquet(plain, use_dictionary=False, compression="none"),
        _parquet(plain, compression="snappy", data_page_version="2.0"),
        _parquet(pa.table(odd), compression="zstd"),
        _parquet(pa.table(times), use_dictionary=False, column_encoding={"t": "DELTA_BINARY_PACKED"}),
    ]


def _parquet(table: Any, **options: Any) -> bytes:
    """The file, without the copy of its schema that Arrow adds."""
    stream = io.BytesIO()
    pq.write_table(table, stream, store_schema=False, **options)
    return stream.getvalue()


def files() -> list[bytes]:
    """One of each kind, and two that are packed."""
    plain = [*manifests(), *lines(), *tables()]
    return [*plain, *(gzip.compress(each, mtime=0) for each in plain[:4:2])]


def recipes() -> list[bytes]:
    """The shipped ones, the shortest first."""
    return sorted((path.read_bytes() for path in (ROOT / "manifests/recipes").glob("*.toml")), key=len)


@cache
def binaries() -> list[bytes]:
    """An asset as every kind of GLB that Meshmill writes, and documents with a skin and sparse values."""
    asset = _asset()
    painted, plain = Asset(asset.parts[:1]), Asset((_part(Material(), True),))
    made = [export_glb_web(plain, "a", GlbWebOptions(geometry=geometry))[0].data for geometry in PACKINGS]
    made += [export_glb(replace(asset, parts=asset.parts[1:]), "a", GlbOptions(lods="msft"))[0].data]
    made += [export_glb(asset, "a", GlbOptions(lods="scene"))[0].data, export_glb_web(painted, "a")[0].data]
    bare = export_glb(Asset((_part(Material(), False),)), "b")[0].data
    return [*made, bare, _skinned(bare)]


def _asset() -> Asset:
    """Two parts, one with all maps, a level of detail, a collision body, and where it came from."""
    painted = [Texture.from_pixels(np.full((2, 2, 3), tone, np.uint8)) for tone in (40, 90, 160)]
    full = Material("paint", (1, 1, 1, 1), 1.0, 1.0, (1, 1, 1), painted[0], painted[1], painted[2], painted[1])
    parts = (_part(full, True), _part(Material("bare"), False))
    body = make_part(CORNERS, FACES)
    return Asset(parts, "thing", lods=(Asset(parts[:1], "thing"),), collision=(body,), provenance=Provenance("t", "c"))


def _part(material: Material, full: bool) -> Part:
    extra: dict[str, Any] = {}
    if full:
        extra = {"uv": CORNERS[:, :2], "uv1": CORNERS[:, 1:], "colors": np.full((4, 4), 200, np.uint8)}
    return make_part(CORNERS, FACES, material, **extra)


def _skinned(glb: bytes) -> bytes:
    """The bare one with a joint, a sparse value and animations added to its document."""
    text, binary = split_glb(glb)
    document = json.loads(text)
    views, accessors = document["bufferViews"], document["accessors"]
    first, sparse = len(views), len(accessors)
    points = accessors[document["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]["count"]
    blocks = (np.eye(4, dtype="<f4").tobytes(), bytes(4 * points), np.ones((points, 4), "<f4").tobytes())
    for block in blocks:
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(block)})
        binary += block
    kinds = ((0, 5126, 1, "MAT4"), (1, 5121, points, "VEC4"), (2, 5126, points, "VEC4"))
    accessors += [
        {"bufferView": first + view, "componentType": code, "count": count, "type": kind}
        for view, code, count, kind in kinds
    ]
    where = {"bufferView": first + 1, "componentType": 5121}
    accessors[0]["sparse"] = {"count": 1, "indices": where, "values": {"bufferView": first + 2}}
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    attributes |= {"JOINTS_0": sparse + 1, "WEIGHTS_0": sparse + 2}
    document["skins"] = [{"joints": [0], "inverseBindMatrices": sparse}]
    document["nodes"][0]["skin"] = 0
    document["buffers"][0]["byteLength"] = len(binary)
    document["animations"] = [{}]
    return join_glb(json.dumps(document).encode(), binary)


def objects() -> list[bytes]:
    """One of every statement, and the shipped one's head."""
    every = b"mtllib a.mtl\no one\ng two\nusemtl m\nv 0 0 0 1 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nvt 0 0\nvn 0 0 1\n"
    every += b"f 1/1/1 2/1/1 3/1/1\nf -4 -3 -2 -1\nf 1//1 2//1 4//1\nl 1 2\np 1\ns 1\n"
    return [every, (ROOT / "manifests/examples/inputs/meshes/stool.obj").read_bytes()[:300].rpartition(b"\n")[0]]
