"""Exports sparse voxels: the cells of a cube that the surface touches, with their colours."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml.asset import Asset, InputError
from ml.srgb import to_srgb
from tasks.array_files import npz, safetensors
from tasks.bvh import build_bvh, closest_point
from tasks.outputs import OutputFile
from tasks.sample_frame import sample_frame
from tasks.source_samples import SourceSamples
from tasks.surface_voxels import surface_voxels


@dataclass(frozen=True)
class VoxelsOptions:
    """How fine, and how they are stored."""

    resolution: int = field(default=64, metadata={"min": 16, "max": 1024, "help": "voxels along the cube's side"})
    colors: bool = field(default=True, metadata={"help": "sRGB of the surface nearest to each voxel's middle"})
    of: Literal["source", "asset"] = field(
        default="source", metadata={"help": "where geometry was replaced: as it was before, with its textures, or now"}
    )
    most: int = field(default=1_000_000, metadata={"min": 1, "max": 64_000_000, "help": "refuse more voxels than this"})
    container: Literal["npz", "safetensors"] = field(default="npz", metadata={"help": "the file's format"})


def export_voxels(asset: Asset, stem: str, options: VoxelsOptions = VoxelsOptions()) -> list[OutputFile]:
    """`stem_voxels.npz` or `.safetensors` of the cube that the asset's box is centred in and its longest side fills.

    Arrays: `coords` (k, 3) uint16, sorted, voxel (i, j, k) from (i, j, k) / resolution of the way along x, y, z;
    `colors` (k, 3) sRGB bytes; `meta`: the frame, its cube [−0.5, 0.5] as TRELLIS' (Xiang et al. 2024), and options.
    Raises InputError `mesh.*`, `image.*`, `voxels.too-dense`, and `voxels.too-many` above `most`.
    """
    frame = sample_frame(asset, "cube", 0.5)
    shown = (asset.source or asset) if options.of == "source" else asset
    shown = replace(shown, source=None, lods=(), collision=())
    vertices, faces, _ = shown.merged()
    points = (frame.places(vertices) + 0.5) * options.resolution
    coords, _ = surface_voxels(points, faces, options.resolution)
    if len(coords) > options.most:
        raise InputError("voxels.too-many", f"{len(coords)} voxels; the limit is {options.most}")
    arrays: dict[str, npt.NDArray[Any]] = {"coords": coords.astype(np.uint16)}
    if options.colors:
        face, barycentric, _ = closest_point(build_bvh(points, faces), coords + 0.5)
        samples = SourceSamples(shown)
        linear = samples.base_color(samples.hits(face, barycentric.astype(np.float32)))[:, :3]
        arrays["colors"] = np.rint(to_srgb(np.clip(linear, 0.0, 1.0)) * 255.0).astype(np.uint8)
    meta = {"frame": {"kind": "cube", "extent": 0.5, **frame.record()}, "options": asdict(options)}
    data = npz(arrays, meta) if options.container == "npz" else safetensors(arrays, meta)
    return [OutputFile(f"{stem}_voxels.{options.container}", "voxels", 0, data, {"voxels.count": float(len(coords))})]
