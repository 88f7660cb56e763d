"""Import: an existing mesh file becomes the raw asset, with its parts, coordinates and PBR maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import ClassVar

from ml.asset import Asset, InputError
from ml.generators.protocol import InputKind, Refusal, Request
from ml.readers.limits import ReadLimits, clean_name
from ml.readers.registry import read_mesh


@dataclass(frozen=True)
class MeshOptions:
    """What an imported file may hold."""

    max_faces: int = field(
        default=5_000_000, metadata={"min": 1, "max": 50_000_000, "help": "refuse files that claim more triangles"}
    )
    max_bytes: int = field(
        default=512 * 1024 * 1024, metadata={"min": 1024, "max": 4 * 1024**3, "help": "refuse larger files"}
    )


class MeshImport:
    """Reads GLB, glTF, OBJ, PLY, STL, OFF, FBX and USD, also in a ZIP; the seed does not matter."""

    name: ClassVar[str] = "mesh"
    version: ClassVar[str] = "1"
    inputs: ClassVar[frozenset[InputKind]] = frozenset({"mesh"})
    uses_seed: ClassVar[bool] = False
    gpus: ClassVar[float] = 0.0

    def __init__(self, options: MeshOptions = MeshOptions()) -> None:
        self.options = options

    def generate(self, requests: Sequence[Request]) -> list[Asset | Refusal]:
        """One asset a request; raises InputError `mesh.*`, `image.*` or `input.*` for a file that cannot be used."""
        return [self._import(request) for request in requests]

    def _import(self, request: Request) -> Asset | Refusal:
        if request.mesh is None:
            return Refusal("mesh.missing", "the mesh generator needs a mesh")
        source = replace(request.mesh, max_bytes=min(request.mesh.max_bytes, self.options.max_bytes))
        asset = read_mesh(source, ReadLimits(self.options.max_faces))
        if asset.face_count == 0:
            raise InputError("mesh.no-faces", f"{len(asset.parts)} parts without a triangle")
        parts = tuple(part for part in asset.parts if len(part.faces))
        return replace(asset, parts=parts, name=clean_name(PurePosixPath(source.uri).stem, "asset"))
