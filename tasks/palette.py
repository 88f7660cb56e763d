"""Colour palettes: an asset's dominant colours found, or its colours moved onto a given palette."""

from __future__ import annotations

from dataclasses import dataclass, field

import numba
import numpy as np
import numpy.typing as npt
import scipy  # optimize loads on first use

from ml.asset import F32, Asset
from ml.color_space import encode, from_oklab, to_oklab
from ml.substances import linear
from tasks.recolor import Change, Recolor, everywhere, surface_samples

F64 = npt.NDArray[np.float64]

SAME_COLOR = 0.02  # OKLab distance at which two cluster centres count as one: the eye just tells them apart
HUE_SPREAD = 0.35  # of a cluster's own spread of hue and chroma is kept; all of its lightness is
ROUNDS, STARTS = 40, 4


@dataclass(frozen=True)
class PaletteOptions:
    """`colors` is the palette to apply, as '#rrggbb'; without one the dominant colours are only found and noted."""

    colors: tuple[str, ...] = field(default=(), metadata={"help": "the palette to apply; empty: only extract"})
    count: int = field(default=5, metadata={"min": 1, "max": 16, "help": "how many colours to extract"})
    strength: float = field(default=1.0, metadata={"min": 0.0, "max": 1.0, "help": "how far colours move"})

    def __post_init__(self) -> None:
        """Raises ValueError for what is no colour or more than 16 of them."""
        if len(self.colors) > 16:
            raise ValueError(f"a palette of {len(self.colors)} colours; at most 16")
        for color in self.colors:
            parse_color(color)


def palette(asset: Asset, options: PaletteOptions = PaletteOptions()) -> Asset:
    """The asset in the palette's colours, or as it was; either way its dominant colours are in the note `palette`.

    Colours are clustered in OKLab by k-means over the surface's area. To apply a palette, as many clusters are found
    as it has colours, each is given the colour that makes the sum of distances least (Kuhn 1955), and every colour
    moves with its clusters: the light and dark within one stay, its hue becomes the palette's. Deterministic.
    """
    if not asset.face_count:
        return asset
    samples, hits = surface_samples(asset)
    lab = to_oklab(samples.base_color(hits)[:, :3])
    centres, shares = dominant(lab, len(options.colors) or options.count)
    found = ", ".join(f"{hex_of(c)} {100 * s:.0f} %" for c, s in zip(centres, shares, strict=True))
    asset = asset.noted(palette=found).measured(
        {"palette.colors": float(len(centres)), "palette.largest_share": float(shares[0])}
    )
    if not options.colors:
        return asset
    targets = to_oklab(np.array([parse_color(color) for color in options.colors], np.float32)).astype(np.float64)
    chosen = _assigned(centres, targets)
    asset = everywhere(asset, Recolor(_moved(centres, targets[chosen], options.strength)))
    return asset.noted(palette_applied=", ".join(options.colors))


def parse_color(code: str) -> tuple[float, float, float]:
    """Linear factors of '#rrggbb' or '#rgb'; raises ValueError."""
    digits = code.strip().lstrip("#")
    if len(digits) not in (3, 6) or any(c not in "0123456789abcdefABCDEF" for c in digits):
        raise ValueError(f"{code!r} is no colour; write it as '#rrggbb'")
    return linear(digits)


def hex_of(lab: F64) -> str:
    """'#rrggbb' of an OKLab colour, cut to what a screen shows."""
    r, g, b = encode(from_oklab(lab[None].astype(np.float32)))[0]
    return f"#{r:02x}{g:02x}{b:02x}"


def dominant(lab: F32, count: int) -> tuple[F64, F64]:
    """At most `count` different cluster centres (k, 3) of (n, 3) colours and their shares, largest first.

    Lloyd's k-means from k-means++ seeds (Arthur and Vassilvitskii 2007), the best of four fixed starts.
    """
    points: F64
    points, weights = np.unique(np.round(lab.astype(np.float64), 3), axis=0, return_counts=True)
    best: tuple[float, F64] = (np.inf, points[:1])
    for start in range(STARTS):
        centres = _seeded(points, weights, count, np.random.default_rng(start))
        for _ in range(ROUNDS):
            nearest = _nearest(points, centres)
            mass = np.bincount(nearest, weights, len(centres))
            sums = np.stack([np.bincount(nearest, weights * points[:, k], len(centres)) for k in range(3)], axis=1)
            moved = np.where(mass[:, None] > 0, sums / np.maximum(mass, 1)[:, None], centres)
            if np.array_equal(moved, centres):
                break
            centres = moved
        cost = float((weights * _squares(points, centres).min(axis=1)).sum())
        if cost < best[0] - 1e-12:
            best = cost, centres
    centres = _distinct(best[1])
    shares = np.bincount(_nearest(points, centres), weights, len(centres)) / weights.sum()
    order = np.argsort(-shares, kind="stable")
    kept = order[shares[order] > 0]
    return centres[kept], shares[kept]


def _seeded(points: F64, weights: npt.NDArray[np.int64], count: int, rng: np.random.Generator) -> F64:
    chosen = [int(rng.choice(len(points), p=weights / weights.sum()))]
    while len(chosen) < min(count, len(points)):
        chance = weights * _squares(points, points[chosen]).min(axis=1)
        if chance.sum() <= 0.0:
            break
        chosen.append(int(rng.choice(len(points), p=chance / chance.sum())))
    return points[chosen]


def _distinct(centres: F64) -> F64:
    kept: list[F64] = []
    for centre in centres:
        if all(np.linalg.norm(centre - other) >= SAME_COLOR for other in kept):
            kept.append(centre)
    return np.array(kept)


def _squares(points: F64, centres: F64) -> F64:
    """(n, k) squared distances."""
    return np.stack([((points - centre) ** 2).sum(axis=1) for centre in centres], axis=1)


def _nearest(points: F64, centres: F64) -> npt.NDArray[np.int64]:
    nearest: npt.NDArray[np.int64] = np.argmin(_squares(points, centres), axis=1)
    return nearest


def _assigned(centres: F64, targets: F64) -> npt.NDArray[np.int64]:
    """(k,) the target of each centre; each is used once while there are enough of them."""
    cost = np.sqrt(_squares(centres, targets))
    rows, columns = scipy.optimize.linear_sum_assignment(cost)
    chosen: npt.NDArray[np.int64] = np.argmin(cost, axis=1)
    chosen[rows] = columns
    return chosen


def _moved(centres: F64, targets: F64, strength: float) -> Change:
    """Each colour moved as its clusters are, by the inverse fourth power of its distances to their centres."""
    shifts = targets - centres

    def change(colors: F32) -> F32:
        return from_oklab(_shifted(to_oklab(colors), centres, shifts, strength))

    return change


@numba.njit(cache=True, nogil=True)
def _shifted(lab: F32, centres: F64, shifts: F64, strength: float) -> F32:
    """(n, 3) colours moved by the weighted `shifts` (k, 3) of their centres (k, 3), spread of hue narrowed."""
    out = np.empty_like(lab)
    weights = np.empty(len(centres))
    for i in range(len(lab)):
        total = 0.0
        for j in range(len(centres)):
            square = 1e-8
            for k in range(3):
                square += (lab[i, k] - centres[j, k]) ** 2
            weights[j] = 1.0 / (square * square)
            total += weights[j]
        for k in range(3):
            shift = middle = 0.0
            for j in range(len(centres)):
                shift += weights[j] / total * shifts[j, k]
                middle += weights[j] / total * centres[j, k]
            spread = 1.0 if k == 0 else HUE_SPREAD
            out[i, k] = lab[i, k] + strength * (shift + (spread - 1.0) * (lab[i, k] - middle))
    return out
