"""The visible base colour at each vertex, for formats that carry colours but no textures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.asset import F32, U8, Part, Texture
from ml.srgb import to_linear, to_srgb


def srgb_vertex_colors(part: Part) -> U8:
    """(n, 4) sRGB bytes: base colour factor × vertex colour × base colour map at the vertex (glTF §3.9.2)."""
    linear = np.tile(np.asarray(part.material.base_color, dtype=np.float64), (len(part.vertices), 1))
    if part.colors is not None:
        linear *= part.colors / 255.0
    if part.material.base_color_texture is not None and part.uv is not None:
        texels = sample_nearest(part.material.base_color_texture, part.uv) / 255.0
        linear[:, :3] *= to_linear(texels[:, :3])
        linear[:, 3] *= texels[:, 3]
    linear = np.clip(linear, 0.0, 1.0)
    if part.material.alpha_mode == "OPAQUE":
        linear[:, 3] = 1.0
    linear[:, :3] = to_srgb(linear[:, :3])
    return np.rint(linear * 255.0).astype(np.uint8)


def sample_nearest(texture: Texture, uv: F32) -> npt.NDArray[np.uint8]:
    """(n, 4) texels at (n, 2) coordinates, repeating outside [0, 1)."""
    pixels = texture.pixels()
    height, width = pixels.shape[:2]
    wrapped = uv.astype(np.float64) % 1.0
    column = np.minimum((wrapped[:, 0] * width).astype(np.int64), width - 1)
    row = np.minimum((wrapped[:, 1] * height).astype(np.int64), height - 1)
    return np.asarray(pixels[row, column])
