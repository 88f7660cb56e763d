"""An asset flattened for the drawing kernels: attributes over all parts, corner normals, and mip-mapped textures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.asset import Asset, Part, Texture
from ml.srgb import to_linear, to_srgb
from tasks.raster import creased_normals
from tasks.shading import MAP_COUNT, MATERIAL_COLUMNS, Scene

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]

CREASE_COSINE = 0.77  # 40°: faces that meet flatter are smoothed where a part brings no normals
NO_ALPHA: F32 = np.zeros((0, 0), dtype=np.float32)
SRGB_TO_LINEAR: F64 = to_linear(np.arange(256) / 255.0)
# Small enough to stay in the cache beside a picture's texels.
LINEAR_TO_SRGB: U8 = (to_srgb(np.arange(4096) / 4095.0) * 255.0 + 0.5).astype(np.uint8)


def make_scene(
    asset: Asset, geometry: tuple[F32, I32, I32], normals: F32, uv: F32, density: F32, finest: list[float], eye: F64
) -> Scene:
    """The scene of all parts' `geometry`: positions (n, 3), faces (m, 3) and the part of each face (m,).

    `finest` is the least density in each part (see Scene): larger mip levels of its maps are left out. Raises
    InputError `image.*` for a map that cannot be decoded.
    """
    positions, faces, owner = geometry
    maps, levels, texels = _texture_table(asset, finest)
    colors = stacked(asset, "colors", 4, 255.0) / np.float32(255.0)
    materials = np.stack([_material_row(part) for part in asset.parts])
    flat = (faces, positions, normals, uv, colors, owner, density, materials, maps, levels, texels)
    return Scene(*flat, SRGB_TO_LINEAR, eye)


def face_ranges(asset: Asset) -> list[tuple[int, int]]:
    """(first, last + 1) face of each part in `Asset.merged`."""
    ends = np.cumsum([0, *(len(part.faces) for part in asset.parts)]).tolist()
    return list(pairwise(ends))


def stacked(asset: Asset, field: str, columns: int, default: float) -> F32:
    """One attribute over all parts as float32, `default` where a part has none."""
    arrays = []
    for part in asset.parts:
        values = getattr(part, field)
        shape = (len(part.vertices), columns)
        arrays.append(np.full(shape, default, np.float32) if values is None else values.astype(np.float32))
    return np.ascontiguousarray(np.concatenate(arrays))


def _material_row(part: Part) -> F64:
    m = part.material
    blended = float(m.alpha_mode == "BLEND")
    row = [*m.base_color, m.metallic, m.roughness, *m.emissive, blended, m.normal_scale, m.occlusion_strength]
    assert len(row) == MATERIAL_COLUMNS
    return np.array(row, dtype=np.float64)


def alpha_test(part: Part) -> tuple[F32, float]:
    """The alpha map a MASK part is cut out with and its cutoff once the factor is divided out."""
    m = part.material
    if m.alpha_mode != "MASK" or m.base_color_texture is None or part.uv is None:
        return NO_ALPHA, 0.0
    alpha = m.base_color_texture.pixels()[..., 3].astype(np.float32) / np.float32(255.0)
    return np.ascontiguousarray(alpha), m.alpha_cutoff / max(m.base_color[3], 1e-6)


def corner_normals(asset: Asset) -> F32:
    """(m, 3, 3) normals of the corners: the part's own, or smoothed below the crease angle."""
    corners = np.empty((asset.face_count, 3, 3), dtype=np.float32)
    for part, (first, last) in zip(asset.parts, face_ranges(asset), strict=True):
        if part.normals is not None:
            corners[first:last] = part.normals[part.faces]
        else:
            creased_normals(part.vertices, part.faces, CREASE_COSINE, corners[first:last])
    return corners


def _texture_table(asset: Asset, finest: list[float]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], U8]:
    """(maps, levels, texels) of the Scene; a map shared by parts is decoded once."""
    maps = np.zeros((len(asset.parts), MAP_COUNT, 2), dtype=np.int64)
    levels: list[tuple[int, int, int]] = []
    chunks: list[U8] = [np.zeros(4, dtype=np.uint8)]
    seen: dict[bytes, tuple[int, int]] = {}
    for index, part in enumerate(asset.parts):
        m = part.material
        slots = (
            m.base_color_texture,
            m.metallic_roughness_texture,
            m.normal_texture,
            m.occlusion_texture,
            m.emissive_texture,
        )
        for slot, texture in enumerate(slots):
            if texture is None or part.uv is None:
                continue
            if texture.data not in seen:
                first = len(levels)
                for image in _pyramid(texture, finest[index]):
                    offset = sum(len(chunk) for chunk in chunks)
                    levels.append((offset, image.shape[1], image.shape[0]))
                    chunks.append(image.reshape(-1))
                seen[texture.data] = (first, len(levels) - first)
            maps[index, slot] = seen[texture.data]
    table = np.array(levels, dtype=np.int64).reshape(-1, 3)
    return maps, table, np.concatenate(chunks)


def _pyramid(texture: Texture, finest: float) -> list[U8]:
    """Mip levels from the finest that any face needs down to about 4 texels, each a 2×2 box of the last."""
    image = Image.fromarray(texture.pixels())
    skip = int(np.floor(finest + 0.5 * np.log2(image.width * image.height)))
    if skip > 0:
        image = image.reduce(2 ** min(skip, int(np.log2(min(image.size)))))
    levels = [np.asarray(image)]
    while min(image.size) >= 8:
        image = image.reduce(2)
        levels.append(np.asarray(image))
    return levels
