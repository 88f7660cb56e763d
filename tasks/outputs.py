"""The files an exporter returns: named bytes in memory, one per format and level of detail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ml.asset import Asset


@dataclass(frozen=True)
class OutputFile:
    """One finished file; `name` is what a customer sees, `format` and `lod` are the ledger's."""

    name: str
    format: str  # glb, obj, mtl, stl, ply, png, jpg
    lod: int
    data: bytes
    metrics: Mapping[str, float] = field(default_factory=dict)  # what writing it measured, for the ledger


def levels(asset: Asset, stem: str) -> Iterator[tuple[int, str, Asset]]:
    """(level, file stem, asset) of the asset and its LODs: `chair`, `chair_LOD1`, `chair_LOD2`, …"""
    yield 0, stem, asset
    for level, lower in enumerate(asset.lods, start=1):
        yield level, f"{stem}_LOD{level}", lower
