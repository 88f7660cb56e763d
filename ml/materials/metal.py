"""Metals: polished, brushed, cast and hammered surfaces, and rust."""

from __future__ import annotations

import numpy as np

from ml.materials.grid import Field, Grid, Layers, step


def polished(grid: Grid, smudge: float = 0.05, scratch: float = 0.04, patina: float = 0.0) -> Layers:
    """A smooth sheet: rubbed patches and fine scratches show in the roughness, tarnish in the colour."""
    rubbed = grid.noise((4, 4), 4, 0.6, salt=1)
    lines = _scratches(grid)
    cloud = grid.noise((5, 5), 4, 0.6, salt=5)
    shade = 1.0 + 0.02 * rubbed - patina * (0.4 + 0.6 * step(-0.2, 0.8, cloud))
    return Layers(
        shade, smudge * rubbed + scratch * lines + 0.5 * patina * cloud, -1.0e-6 * lines, tint=(1.0, 1.15, 1.35)
    )


def _scratches(grid: Grid) -> Field:
    """Hairlines in two directions, 0–1."""
    u, v = grid.u, grid.v
    one = grid.noise((3, 96), 2, 0.8, salt=2, at=(u + v, v - u))
    two = grid.noise((96, 4), 2, 0.8, salt=3, at=(u + 2 * v, v))
    return step(0.35, 1.1, one) + step(0.35, 1.1, two)


def brushed(grid: Grid, depth: float = 4e-6, contrast: float = 0.05) -> Layers:
    """Fine grooves along u, `depth` metres deep."""
    fine = grid.noise((4, 256), 2, 0.8, salt=1)
    coarse = grid.noise((2, 48), 3, 0.8, salt=2)
    groove = 0.7 * fine + 0.5 * coarse
    return Layers(1.0 + contrast * groove, 0.09 * groove, depth * groove)


def cast(grid: Grid, relief: float = 6e-5, contrast: float = 0.1) -> Layers:
    """A sand-cast or forged skin: grain, dents and pits, `relief` metres high."""
    grain = grid.noise((90, 90), 2, 0.6, salt=1)
    dents = grid.noise((9, 9), 3, 0.5, salt=2)
    first, _, own = grid.cells((36, 36), 1.0, salt=3)
    pit = step(0.3, 0.08, first) * step(0.6, 0.75, own)
    height = relief * (grain + 4.0 * dents - 3.0 * pit)
    return Layers(
        1.0 + contrast * (0.4 * grain + 0.6 * dents) - 2.5 * contrast * pit, 0.06 * grain + 0.1 * dents, height
    )


def hammered(grid: Grid, blows: int = 16, relief: float = 2.5e-4) -> Layers:
    """Round dents of a ball-peen hammer, `blows` across the tile."""
    first, second, _ = grid.cells((blows, blows), 0.75, salt=1, at=grid.warped((6, 6), 0.008, salt=2))
    rim = step(0.22, 0.0, second - first)
    fine = grid.noise((64, 64), 2, salt=3)
    tarnish = grid.noise((4, 4), 4, 0.6, salt=4)
    shade = 1.0 - 0.06 * rim - 0.06 * step(0.0, 0.9, tarnish)
    height = relief * (np.minimum(first, 0.7) ** 2 * 2.0 + 0.02 * fine)
    return Layers(shade, 0.04 * fine + 0.05 * tarnish, height, tint=(1.0, 1.2, 1.45))


def rust(grid: Grid, bare: float = 0.12) -> Layers:
    """Flaking oxide from orange to near black, with about a share `bare` of the iron still showing.

    Rust is no conductor (Filament, "Material properties"), so metallic is 1 on the iron and 0 on the rust.
    """
    at = grid.warped((4, 4), 0.03, 3, salt=1)
    age = grid.noise((5, 5), 5, 0.6, salt=2, at=at)
    spots = grid.noise((22, 22), 4, 0.65, salt=3, at=at)
    grain = grid.noise((120, 120), 2, 0.7, salt=4)
    thick = age + 0.55 * spots
    iron = step(-0.62, -0.72, thick + 0.08 * grain - (bare - 0.12) * 2.0)
    orange = step(0.1, 0.9, spots + 0.35 * grain)[..., None]
    dark = step(0.15, 0.75, age - 0.3 * spots + 0.2 * grain)[..., None]
    young, old, black = (
        np.array([0.42, 0.125, 0.035], np.float32),
        np.array([0.175, 0.062, 0.027], np.float32),
        np.array([0.05, 0.026, 0.018], np.float32),
    )
    color = old + (young - old) * orange
    color = color + (black - color) * dark * 0.85
    color = color * (1.0 + 0.18 * grain[..., None])
    color = color + (np.array([0.53, 0.51, 0.49], np.float32) - color) * iron[..., None]
    height = (2.2e-4 * np.maximum(thick, -0.7) + 6e-5 * grain) * (1.0 - iron)
    return Layers(
        color.astype(np.float32), 0.05 * grain - 0.45 * iron, height.astype(np.float32), metallic=iron, body=1.0 - iron
    )
