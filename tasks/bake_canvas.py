"""What bakes paint on: the texels of an atlas in tiles, the curves values go through, and maps with filled gutters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.asset import F32, I32, U8, Part, Texture
from ml.srgb import encode_table
from tasks.gutter import nearest_covered, spread
from tasks.texel_raster import gather, is_plain, paint, rasterize, tiled

LINEAR: U8 = np.floor(np.arange(65536) / 65535.0 * 255.0 + 0.5).astype(np.uint8)  # as ml.srgb's table, without a curve
SRGB: U8 = encode_table()


@dataclass(frozen=True)
class Atlas:
    """Where on the low part each of t covered texels lies, tile by tile."""

    face: I32  # (t,)
    barycentric: F32  # (t, 3)


@dataclass(frozen=True)
class Canvas:
    """Where values go: paints those of the covered texels into maps with filled gutters."""

    texel: I32  # (t,) flat indices of the covered texels
    nearest: I32  # (size²,) flat index of the nearest covered texel
    size: int

    def blank(self, channels: int) -> U8:
        """(size², channels) zeros."""
        return np.zeros((self.size * self.size, channels), dtype=np.uint8)

    def paint(self, flat: U8, rows: slice, values: F32, curves: tuple[U8, ...]) -> None:
        """Write linear values (b, ≥ channels) of the covered texels `rows` into a map, each channel by its curve."""
        paint(flat, self.texel[rows], values, np.stack(curves))

    def darken(self, flat: U8, share: F32) -> None:
        """Multiply the first channel of a map by (t,) shares in 0–1."""
        flat[self.texel, 0] = np.rint(flat[self.texel, 0] * share).astype(np.uint8)

    def is_plain(self, flat: U8) -> bool:
        """Whether all covered texels of a map are the same."""
        return bool(is_plain(flat, self.texel))

    def png(self, flat: U8, name: str) -> Texture:
        """The map as a PNG; every texel off the charts repeats its nearest one, so no mip level sees background."""
        return Texture.from_pixels(self._filled(flat), name)

    def jpeg(self, flat: U8, name: str) -> Texture:
        """The map as a JPEG."""
        return Texture.from_photo(self._filled(flat), name)

    def _filled(self, flat: U8) -> U8:
        spread(flat, self.nearest)
        return flat.reshape(self.size, self.size, -1)


def make_atlas(part: Part, size: int) -> tuple[Atlas, Canvas]:
    """The covered texels of a part with UVs at size², and the canvas to paint them on."""
    face, two = rasterize(part.uv, part.faces, size)
    texel = tiled(face)
    canvas = Canvas(texel, nearest_covered(face >= 0).reshape(-1), size)
    return Atlas(*gather(face, two, texel)), canvas
