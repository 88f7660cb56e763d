"""Exports STL for printing: binary, millimetres, Z up, all parts in one solid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ml.asset import Asset
from ml.normals import face_crosses
from tasks.outputs import OutputFile, levels
from tasks.print_space import upright_millimetres
from tasks.surface import drawable

RECORD = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


@dataclass(frozen=True)
class StlOptions:
    """How an STL is written."""

    lods: Literal["separate", "none"] = field(
        default="none", metadata={"help": "write each LOD as STEM_LODn.stl, or only the full asset"}
    )


def export_stl(asset: Asset, stem: str, options: StlOptions = StlOptions()) -> list[OutputFile]:
    """`stem.stl` (and LODs when asked): slicers read millimetres with Z up, so (x, y, z) m becomes (x, −z, y) · 1000.

    Raises InputError `mesh.no-faces` or `mesh.out-of-range`.
    """
    wanted = levels(asset, stem) if options.lods == "separate" else [(0, stem, asset)]
    return [OutputFile(f"{name}.stl", "stl", lod, _encoded(drawable(level))) for lod, name, level in wanted]


def _encoded(asset: Asset) -> bytes:
    vertices, faces, _ = asset.merged()
    upright = upright_millimetres(vertices)
    table = np.zeros(len(faces), RECORD)
    table["corners"] = upright[faces]
    cross = face_crosses(upright, faces)
    table["normal"] = cross / np.maximum(np.sqrt((cross * cross).sum(axis=1)), np.finfo(np.float64).tiny)[:, None]
    header = b"Meshmill, binary, millimetres, Z up".ljust(80)  # must not begin with `solid`, the mark of ASCII
    return header + len(faces).to_bytes(4, "little") + table.tobytes()
