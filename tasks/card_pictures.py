"""The pictures of a data set's card: histograms of measures as SVG, and a sheet of samples."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import numpy.typing as npt

BINS = 24
WIDE = 100.0  # ratio of greatest to least above which bins are powers
COLUMNS, CELL_W, CELL_H = 3, 360, 190
BACK, INK, BAR, RULE = "#f6f5f1", "#1d1d1b", "#2a7d6f", "#dedcd4"
TILE, TILES_A_ROW = 192, 6


@dataclass
class Histogram:
    """Counts of one measure between its least and greatest value; in powers where these are far apart."""

    name: str
    least: float
    greatest: float
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))

    @property
    def powers(self) -> bool:
        """Whether the bins are equal steps of the logarithm."""
        return self.least > 0 and self.greatest / self.least > WIDE

    def add(self, values: npt.NDArray[np.float64]) -> None:
        """Count (n,) values; those that are not finite are left out."""
        low, high = self.least, self.greatest
        values = np.clip(values[np.isfinite(values)], low, high)
        if self.powers:
            values, low, high = np.log(values), math.log(low), math.log(high)
        places = ((values - low) / max(high - low, 1e-300) * BINS).astype(np.int64)
        self.counts += np.bincount(np.minimum(places, BINS - 1), minlength=BINS)


def histograms_svg(histograms: Sequence[Histogram]) -> bytes:
    """The histograms side by side, the same bytes for the same counts."""
    rows = -(-len(histograms) // COLUMNS)
    width, height = COLUMNS * CELL_W, rows * CELL_H
    cells = [_cell(each, i % COLUMNS * CELL_W, i // COLUMNS * CELL_H) for i, each in enumerate(histograms)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="DejaVu Sans,sans-serif"'
    )
    back = f'<rect width="{width}" height="{height}" fill="{BACK}"/>'
    return "\n".join([f'{head} font-size="13" fill="{INK}">', back, *cells, "</svg>", ""]).encode()


def _cell(each: Histogram, x: int, y: int) -> str:
    """One histogram with its name above and its ends below."""
    left, base, wide, tall = x + 24, y + CELL_H - 36, CELL_W - 48, CELL_H - 84
    step, most = wide / BINS, max(int(each.counts.max()), 1)
    bars = [
        f'<rect x="{left + i * step:.1f}" y="{base - count / most * tall:.1f}" width="{step - 1:.1f}"'
        f' height="{count / most * tall:.1f}" fill="{BAR}"/>'
        for i, count in enumerate(each.counts.tolist())
        if count
    ]
    lines = [
        f'<text x="{left}" y="{y + 28}" font-weight="600">{escape(each.name)}</text>',
        *bars,
        f'<path d="M{left} {base + 0.5}h{wide}" stroke="{RULE}"/>',
        f'<text x="{left}" y="{base + 18}">{each.least:.4g}</text>',
        f'<text x="{left + wide}" y="{base + 18}" text-anchor="end">{each.greatest:.4g}</text>',
    ]
    if each.powers:
        lines.append(f'<text x="{left + wide / 2}" y="{base + 18}" text-anchor="middle" fill="#6b6a64">log</text>')
    return "\n".join(lines)


def sample_sheet(pictures: Sequence[bytes]) -> bytes:
    """Pictures side by side as one JPEG; those that cannot be read are left out. b"" where none is left."""
    from PIL import Image  # 0.1 CPU-s that a run need not pay

    tiles = []
    for data in pictures:
        try:
            tiles.append(Image.open(io.BytesIO(data)).convert("RGB").resize((TILE, TILE), Image.Resampling.LANCZOS))
        except (OSError, ValueError):
            continue
    if not tiles:
        return b""
    sheet = Image.new("RGB", (min(len(tiles), TILES_A_ROW) * TILE, -(-len(tiles) // TILES_A_ROW) * TILE), BACK)
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i % TILES_A_ROW * TILE, i // TILES_A_ROW * TILE))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
