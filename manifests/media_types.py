"""Media types of the files that runs and sites hold, by the end of their names."""

from __future__ import annotations

import mimetypes

UNKNOWN = "application/octet-stream"
# IANA's names of what mimetypes does not know everywhere, so that no machine's own table decides.
TYPES = {
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "usdz": "model/vnd.usdz+zip",
    "obj": "model/obj",
    "mtl": "model/mtl",
    "stl": "model/stl",
    "3mf": "model/3mf",
    "ktx2": "image/ktx2",
    "webp": "image/webp",
    "mjs": "text/javascript",
    "js": "text/javascript",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
    "c2pa": "application/c2pa",
}


def media_type(path: str) -> str:
    """The media type of a file by its name; what is packed is never called by what it holds."""
    known = TYPES.get(path.rsplit(".", 1)[-1].lower())
    guessed, packed = mimetypes.guess_type(path)
    return known or (UNKNOWN if packed else guessed) or UNKNOWN
