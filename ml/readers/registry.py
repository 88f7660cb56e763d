"""The one place where mesh readers are listed, and how a file's reader is found: by its content, then its extension."""

from __future__ import annotations

import re
from collections.abc import Callable

from ml.asset import Asset, InputError
from ml.readers.apart import read_apart
from ml.readers.archive import open_model
from ml.readers.gltf import read_gltf
from ml.readers.limits import ReadLimits
from ml.readers.obj import read_obj
from ml.readers.off import MAGIC, read_off
from ml.readers.ply import read_ply
from ml.readers.scene_asset import scene_asset
from ml.readers.stl import read_stl
from ml.sources import Source

Reader = Callable[[bytes, Source, ReadLimits], Asset]

READERS: dict[str, Reader] = {
    "glb": read_gltf,
    "gltf": read_gltf,
    "obj": read_obj,
    "ply": read_ply,
    "stl": lambda data, _, limits: read_stl(data, limits),
    "fbx": lambda data, source, limits: _read_scene("fbx", ".fbx", data, source, limits),
    "usd": lambda data, source, limits: _read_scene("usd", ".usd", data, source, limits),
    "usda": lambda data, source, limits: _read_scene("usd", ".usda", data, source, limits),
    "usdc": lambda data, source, limits: _read_scene("usd", ".usdc", data, source, limits),
    "usdz": lambda data, source, limits: _read_scene("usd", ".usdz", data, source, limits),
    "off": lambda data, _, limits: read_off(data, limits),
}
OBJ_LINE = re.compile(rb"^[ \t]*(v|vn|vt|f|o|g|usemtl|mtllib)[ \t]+\S", re.MULTILINE)
ZIP, FBX, USD = b"PK\x03\x04", b"Kaydara FBX Binary", (b"PXR-USDC", b"#usda")
SNIFFED = 4096  # bytes


def read_mesh(source: Source, limits: ReadLimits = ReadLimits()) -> Asset:
    """The asset in a mesh file of any format in READERS, which is noted as `import_format`.

    Raises InputError `mesh.unsupported` for a format that none reads, `input.*`, and what the readers raise.
    """
    data = source.read()
    form = mesh_format(data, source.suffix)
    if form == "zip":
        source = open_model(data, source)
        data = source.read()
        form = mesh_format(data, source.suffix)
    if form == "zip":
        raise InputError("archive.no-model", f"{source.uri} of the archive is an archive itself")
    return READERS[form](data, source, limits).noted(import_format=form)


def mesh_format(data: bytes, suffix: str = "") -> str:
    """The key in READERS for a file, or "zip": customers misname files, so the content counts before the extension.

    Raises InputError `mesh.truncated` or `mesh.unsupported`.
    """
    if not data:
        raise InputError("mesh.truncated", "the file is empty")
    form = _by_content(data, suffix) or suffix.lstrip(".")
    if form not in READERS and form != "zip":
        raise InputError("mesh.unsupported", f"{form or 'this'} is no mesh format that is read: {', '.join(READERS)}")
    return form


def _by_content(data: bytes, suffix: str) -> str | None:
    head = data[:SNIFFED]
    if head.startswith(ZIP):
        return "usdz" if suffix == ".usdz" else "zip"
    if head.startswith(FBX):
        return "fbx"
    if head.startswith(USD):
        return "usd"
    if head.startswith(b"glTF"):
        return "glb"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return "gltf"
    if re.match(rb"ply\s", head):
        return "ply"
    if MAGIC.match(head):
        return "off"
    if re.match(rb"\s*solid\s", head) or len(data) == 84 + 50 * int.from_bytes(data[80:84], "little"):
        return "stl"
    return "obj" if b"\0" not in head and OBJ_LINE.search(head) else None


def _read_scene(library: str, suffix: str, data: bytes, source: Source, limits: ReadLimits) -> Asset:
    """A format that a native library reads in a process of its own, from a file of that suffix."""
    scene = read_apart(f"ml.readers.{library}_scene", data, suffix, limits)
    return scene_asset(scene, source, limits)
