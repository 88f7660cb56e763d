"""What a reader finds in a file, in one record for every format: metres, Y up, v downward; arrays in a .npz beside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
SLOTS = ("base_color", "roughness", "metallic", "normal", "occlusion", "emissive")
COLUMNS = {"corners": 3, "uv": 2, "normals": 3, "uv1": 2, "colors": 4, "tangents": 4}  # of Facts, and their widths
Piece = Sequence[F64 | None]  # a part's arrays in COLUMNS' order, as many as a format has; None where it has none
Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])  # (x, y, z) with Z up -> (x, z, -y) with Y up


@dataclass
class MaterialFacts:
    """A material's values as the file states them; what it does not state is absent."""

    name: str = ""
    values: dict[str, list[float]] = field(default_factory=dict)  # by slot, plus `alpha_mode`, `double_sided`
    maps: dict[str, list[str]] = field(default_factory=dict)  # by slot: [sha256 of the image's file, channels]


@dataclass
class PartFacts:
    """A mesh node: its name and how many triangles it draws with which material."""

    name: str
    faces: int
    material: str = ""


@dataclass
class Facts:
    """A file's content; all arrays but `corners` hold NaN where a part has none."""

    corners: F64  # (3 m, 3) metres, Y up, in the file's order
    uv: F64  # (3 m, 2) v grows downward
    normals: F64  # (3 m, 3)
    uv1: F64  # (3 m, 2) as uv
    colors: F64  # (3 m, 4) linear RGBA
    tangents: F64  # (3 m, 4)
    parts: list[PartFacts]
    materials: dict[str, MaterialFacts] = field(default_factory=dict)
    images: dict[str, int] = field(default_factory=dict)  # sha256 -> bytes, of every image in or beside the file
    metadata: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)  # the reader's own complaints

    @property
    def faces(self) -> int:
        """Triangles over all parts."""
        return len(self.corners) // 3


def gathered(pieces: Sequence[Piece]) -> dict[str, F64]:
    """The arrays of Facts from those of each part."""
    columns: dict[str, list[F64]] = {name: [] for name in COLUMNS}
    for piece in pieces:
        count = np.asarray(piece[0]).reshape(-1, 3).shape[0]
        for (name, width), values in zip_longest(COLUMNS.items(), piece):
            rows = np.full((count, width), np.nan) if values is None else np.asarray(values, np.float64)
            columns[name].append(rows.reshape(-1, width))
    return {name: np.concatenate([np.zeros((0, width)), *columns[name]]) for name, width in COLUMNS.items()}


def linear_of(srgb: F64) -> F64:
    """sRGB colours to linear ones; a fourth channel as it is (IEC 61966-2-1)."""
    rgb = srgb[..., :3]
    rgb = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.concatenate([rgb, srgb[..., 3:]], axis=-1)


def digest(data: bytes) -> str:
    """sha256 of an image's file, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def keep_image(folder: Path, data: bytes) -> str:
    """The image's digest, its bytes kept under that name in `folder` for those who compare pixels."""
    name = digest(data)
    (folder / name).write_bytes(data)
    return name


def save(facts: Facts, stem: Path) -> None:
    """Write STEM.json and STEM.npz."""
    arrays = {name: getattr(facts, name).astype(np.float64) for name in COLUMNS}
    np.savez(f"{stem}.npz", **arrays)
    rest = {key: value for key, value in asdict(facts).items() if key not in arrays}
    Path(f"{stem}.json").write_text(json.dumps(rest, ensure_ascii=False))


def load(stem: Path) -> Facts:
    """What `save` wrote."""
    rest: dict[str, Any] = json.loads(Path(f"{stem}.json").read_text())
    rest["parts"] = [PartFacts(**part) for part in rest["parts"]]
    rest["materials"] = {key: MaterialFacts(**value) for key, value in rest["materials"].items()}
    with np.load(f"{stem}.npz") as arrays:
        return Facts(**{name: arrays[name] for name in arrays.files}, **rest)
