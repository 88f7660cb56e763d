"""Stone and masonry: marble, granite, layered and rough stone, concrete, plaster, brick and tile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.materials.grid import Field, Grid, Layers, fraction, random_by, step


def marble(grid: Grid, veins: float = 0.5) -> Layers:
    """Carrara: grey clouds and thin veins along bent sheets."""
    at = grid.warped((3, 3), 0.10, 4, salt=1)
    cloud = grid.noise((3, 3), 5, 0.55, salt=2, at=at)
    wide = _vein(grid.noise((3, 2), 4, 0.5, salt=3, at=at), 0.10)
    thin = _vein(grid.noise((6, 4), 4, 0.5, salt=4, at=at), 0.05)
    strength = step(-0.4, 0.7, grid.noise((3, 3), 2, salt=5))
    shade = 1.0 - 0.16 * step(-0.3, 0.9, cloud) - veins * wide * strength - 0.5 * veins * thin * (1.0 - 0.5 * strength)
    return Layers(np.maximum(shade, 0.2), 0.02 * cloud + 0.05 * wide, -4e-6 * wide, tint=(1.06, 1.0, 0.94))


def _vein(noise: Field, width: float) -> Field:
    """1 on the zero line of the noise, falling off within `width`."""
    line = np.clip(1.0 - np.abs(noise) / np.float32(width), 0.0, 1.0)
    return line * line + np.float32(0.35) * np.clip(1.0 - np.abs(noise) / np.float32(4 * width), 0.0, 1.0) ** 2


def granite(grid: Grid, grains: int = 70) -> Layers:
    """Interlocked crystals: pale and rosy feldspar, grey quartz, black mica (Streckeisen 1976: granite's fields)."""
    at = grid.warped((40, 40), 0.006, 2, salt=1)
    first, second, own = grid.cells((grains, grains), 1.0, salt=2, at=at)
    _, _, small = grid.cells((2 * grains, 2 * grains), 1.0, salt=3, at=at)
    kind = np.where(small < 0.22, 0.9 + 0.1 * small, 0.82 * own + 0.25 * (small - 0.5) * own)
    minerals = np.array(
        [[0.42, 0.40, 0.39], [0.72, 0.68, 0.64], [0.60, 0.44, 0.38], [0.28, 0.28, 0.29], [0.035, 0.035, 0.038]],
        np.float32,
    )
    choice = np.searchsorted([0.28, 0.55, 0.72, 0.80], kind)
    grain = grid.noise((180, 180), 2, 0.7, salt=4)
    shade = minerals[choice] * (1.0 + 0.10 * grain + 0.16 * (small - 0.5))[..., None]
    edge = step(0.08, 0.0, second - first)
    return Layers(
        (shade * (1.0 - 0.15 * edge)[..., None]).astype(np.float32),
        0.06 * grain + 0.08 * edge,
        6e-6 * grain - 1e-5 * edge,
    )


def layered(grid: Grid, beds: int = 14, relief: float = 2.5e-4, contrast: float = 0.16) -> Layers:
    """Sandstone: beds of slightly different tone across v, grains throughout."""
    v = grid.v + np.float32(0.015) * grid.noise((3, 2), 3, salt=1)
    bed = grid.noise((2, beds), 3, 0.6, salt=2, at=(grid.u, v))
    grain = grid.noise((grid.size // 4, grid.size // 4), 1, salt=3) + 0.6 * grid.noise((100, 100), 2, salt=4)
    blotch = grid.noise((4, 4), 4, 0.6, salt=5)
    shade = 1.0 + contrast * bed + 0.09 * grain + 0.06 * blotch
    height = relief * (0.55 * grain + 1.5 * bed + blotch)
    return Layers(np.maximum(shade, 0.2), 0.03 * grain, height, tint=(0.9, 1.05, 1.25))


def cleft(grid: Grid, relief: float = 1.2e-3) -> Layers:
    """Slate: flat sheets that broke off along ragged edges."""
    at = grid.warped((4, 4), 0.04, 4, salt=1)
    field = grid.noise((3, 4), 4, 0.5, salt=2, at=at) * 2.2
    sheet = np.floor(field) + step(0.0, 0.16, fraction(field))
    fine = grid.noise((24, 60), 3, 0.65, salt=3)
    tone = grid.noise((4, 4), 4, salt=4)
    edge = step(0.16, 0.02, fraction(field))
    own = random_by(np.mod(np.floor(field), 64), 64, grid.seed + 5)
    shade = 1.0 + 0.12 * tone + 0.10 * fine - 0.12 * edge + 0.14 * (own - 0.5)
    return Layers(
        np.maximum(shade, 0.2), 0.06 * fine + 0.05 * edge, (relief * (0.35 * sheet + 0.06 * fine)).astype(np.float32)
    )


def rough(grid: Grid, relief: float = 2.5e-3, contrast: float = 0.22, pits: float = 0.5) -> Layers:
    """Weathered or broken stone: ridges, hollows, grains and pits."""
    at = grid.warped((4, 4), 0.04, 3, salt=1)
    big = 1.0 - np.abs(grid.noise((4, 4), 6, 0.5, salt=2, at=at))
    grain = grid.noise((110, 110), 3, 0.7, salt=3)
    first, _, own = grid.cells((40, 40), 1.0, salt=4, at=at)
    pit = pits * step(0.34, 0.1, first) * step(0.55, 0.7, own)
    tone = grid.noise((5, 5), 5, 0.6, salt=5)
    shade = 0.82 + 1.6 * contrast * (big - 0.7) + 0.10 * grain + 0.8 * contrast * tone - 0.35 * pit
    return Layers(
        np.maximum(shade, 0.1), 0.03 * grain, (relief * (big + 0.035 * grain - 0.25 * pit)).astype(np.float32)
    )


def concrete(grid: Grid, relief: float = 2e-4) -> Layers:
    """Cast concrete: stains, fine sand, and holes that air bubbles left in the face."""
    stain = grid.noise((3, 3), 6, 0.6, salt=1)
    sand = grid.noise((grid.size // 4, grid.size // 4), 1, salt=2) + 0.7 * grid.noise((90, 90), 2, salt=3)
    hole = _holes(grid, 30, 0.9, 4) + _holes(grid, 80, 0.9, 5)
    shade = 1.0 + 0.10 * stain + 0.05 * sand - 0.5 * hole
    return Layers(
        np.maximum(shade, 0.15),
        0.04 * sand - 0.04 * stain,
        (relief * (0.25 * sand + stain - 4.0 * hole)).astype(np.float32),
    )


def _holes(grid: Grid, cells: int, rare: float, salt: int) -> Field:
    """Round holes in a share 1 − `rare` of the cells, each of its own size; 0–1."""
    first, _, own = grid.cells((cells, cells), 0.9, salt=salt)
    radius = 0.10 + 0.9 * np.maximum(own - np.float32(rare), 0.0)
    return np.where(own > rare, step(1.1, 0.75, first / radius), 0.0).astype(np.float32)


def plaster(grid: Grid, relief: float = 5e-4) -> Layers:
    """Smoothed by a trowel in wide, crossing strokes."""
    at = grid.warped((3, 3), 0.08, 3, salt=1)
    stroke = grid.noise((3, 14), 4, 0.55, salt=2, at=at) + 0.7 * grid.noise((12, 4), 4, 0.55, salt=3, at=at)
    grain = grid.noise((grid.size // 4, grid.size // 4), 1, salt=4)
    return Layers(
        1.0 + 0.045 * stroke + 0.02 * grain, 0.03 * stroke, (relief * (stroke + 0.06 * grain)).astype(np.float32)
    )


def bricks(
    grid: Grid, columns: int = 4, courses: int = 12, joint: float = 0.010, size_m: float = 0.9, shift: float = 0.5
) -> Layers:
    """Running bond of `columns` × `courses` bricks with mortar joints `joint` metres wide."""
    edge_noise = np.float32(0.0015 / size_m) * grid.noise((40, 40), 3, 0.6, salt=1)
    y = (grid.v + edge_noise) * courses
    course = np.floor(y)
    x = (grid.u + edge_noise) * columns + np.float32(shift) * np.mod(course, 2)
    brick = np.mod(np.floor(x), columns) + columns * np.mod(course, courses)
    width, height = size_m / columns, size_m / courses
    dx = (0.5 - np.abs(fraction(x) - 0.5)) * np.float32(width)  # metres to the brick's side
    dy = (0.5 - np.abs(fraction(y) - 0.5)) * np.float32(height)
    inside = np.minimum(dx, dy) - np.float32(joint / 2)
    body = step(0.0, 0.0035, inside)
    tone = random_by(brick, columns * courses, grid.seed + 2)
    hue = random_by(brick, columns * courses, grid.seed + 3)
    fire = grid.noise((9, 18), 4, 0.6, salt=4)
    grain = grid.noise((grid.size // 4, grid.size // 4), 1, salt=5) + 0.7 * grid.noise((110, 110), 2, salt=6)
    pit = _holes(grid, 70, 0.8, 7)
    clay = np.stack([1.0 + 0 * hue, 0.42 - 0.10 * hue, 0.30 - 0.12 * hue], axis=2)
    clay = clay * (0.30 * (0.62 + 0.66 * tone + 0.16 * fire + 0.10 * grain - 0.35 * pit))[..., None]
    mortar = np.array([0.52, 0.49, 0.44], np.float32) * (0.9 + 0.12 * grain + 0.08 * fire)[..., None]
    shade = mortar + (clay - mortar) * body[..., None]
    relief = body * (4.5e-3 + 5e-4 * fire + 2.5e-4 * grain - 1e-3 * pit) + (1 - body) * 2.5e-4 * grain
    shade = np.maximum(shade, 0.01).astype(np.float32)
    return Layers(shade, 0.04 * grain - 0.03 * body, relief.astype(np.float32), body=body)


def tiles(grid: Grid, count: int = 4, joint: float = 0.006, size_m: float = 0.8) -> Layers:
    """Square unglazed tiles with grey grout."""
    laid = bricks(grid, count, count, joint, size_m, shift=0.0)
    return replace(laid, height=0.45 * np.asarray(laid.height))
