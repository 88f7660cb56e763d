"""Exports USDZ for AR: metres and Y up, UsdPreviewSurface, images inside, as ARKit and the USD validators want it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ml.asset import Asset
from tasks.outputs import OutputFile, levels
from tasks.surface import drawable
from tasks.usd_stage import encode_stage
from tasks.usdz_package import package


@dataclass(frozen=True)
class UsdzOptions:
    """How a USDZ is written."""

    lods: Literal["separate", "none"] = field(
        default="none", metadata={"help": "write each LOD as STEM_LODn.usdz, or only the full asset"}
    )


def export_usdz(asset: Asset, stem: str, options: UsdzOptions = UsdzOptions()) -> list[OutputFile]:
    """`stem.usdz` (and LODs when asked), each with its images; raises InputError `mesh.no-faces`."""
    wanted = levels(asset, stem) if options.lods == "separate" else [(0, stem, asset)]
    files = []
    for lod, name, level in wanted:
        layer, images = encode_stage(drawable(level))
        files.append(OutputFile(f"{name}.usdz", "usdz", lod, package([("asset.usdc", layer), *images])))
    return files
