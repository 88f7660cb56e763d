"""Even surfaces: glazed and fired clay, plastic, rubber, glass, paper, card, bone and wax."""

from __future__ import annotations

import numpy as np

from ml.materials.grid import Grid, Layers, step


def glaze(grid: Grid, peel: float = 1.2e-5, pooling: float = 0.06, specks: float = 0.0) -> Layers:
    """A glaze that flowed: it is smooth but wavy, deeper in colour where it pooled, with iron specks if asked."""
    wave = grid.noise((26, 26), 2, 0.4, salt=1)
    pool = grid.noise((3, 3), 4, 0.55, salt=2)
    shade = 1.0 + pooling * pool + 0.01 * wave
    if specks > 0.0:
        first, _, own = grid.cells((70, 70), 1.0, salt=3)
        shade = shade - specks * step(0.34, 0.12, first / (0.35 + own)) * step(0.62, 0.75, own)
    return Layers(np.maximum(shade, 0.1), 0.03 * pool, peel * (wave + 2.0 * pool), tint=(1.0, 1.05, 1.15))


def fired(grid: Grid, relief: float = 6e-5) -> Layers:
    """Unglazed clay: grit, faint throwing lines along u and a bloom of lime."""
    grit = grid.noise((grid.size // 4, grid.size // 4), 1, salt=1) + 0.7 * grid.noise((100, 100), 2, salt=2)
    lines = grid.noise((2, 40), 3, 0.6, salt=3)
    bloom = step(0.1, 0.9, grid.noise((4, 4), 5, 0.6, salt=4))
    first, _, own = grid.cells((60, 60), 1.0, salt=5)
    pit = step(0.28, 0.1, first) * step(0.8, 0.9, own)
    shade = 1.0 + 0.06 * grit + 0.05 * lines - 0.3 * pit
    color = shade[..., None] * (1.0 + bloom[..., None] * np.array([0.12, 0.32, 0.55], np.float32))
    height = relief * (0.5 * grit + 1.6 * lines - 3.0 * pit)
    return Layers(color.astype(np.float32), 0.04 * grit, height.astype(np.float32))


def moulded(grid: Grid, grain: int = 0, relief: float = 8e-6, cloud: float = 0.01) -> Layers:
    """Plastic, lacquer or rubber: faintly wavy, or with an eroded grain of `grain` bumps across the tile."""
    wave = grid.noise((10, 10), 2, salt=1)
    if not grain:
        return Layers(1.0 + cloud * wave, 0.015 * grid.noise((5, 5), 4, 0.6, salt=2), relief * wave)
    bump = grid.noise((grain, grain), 2, 0.5, salt=3)
    top = step(-0.5, 0.4, bump)
    return Layers(0.97 + 0.05 * top + cloud * wave, 0.06 * (1.0 - top), (relief * 3.0 * top).astype(np.float32))


def clear(grid: Grid) -> Layers:
    """Glass: nothing but faint smears."""
    return Layers(grid.ones(), 0.02 * step(0.0, 1.0, grid.noise((4, 4), 4, 0.6, salt=1)))


def sheet(grid: Grid, fibre: float = 0.04, flutes: int = 0, relief: float = 3e-5) -> Layers:
    """Paper: matted fibres and a cloudy formation; with `flutes`, the ribs of corrugated board show through."""
    at = grid.warped((10, 10), 0.03, 2, salt=1)
    hair = grid.noise((24, 150), 2, 0.7, salt=2, at=at) + grid.noise((150, 24), 2, 0.7, salt=3, at=at)
    cloud = grid.noise((12, 12), 4, 0.6, salt=4)
    first, _, own = grid.cells((50, 50), 1.0, salt=5, at=at)
    fleck = step(0.22, 0.08, first) * step(0.85, 0.95, own) if flutes else 0.0 * cloud
    rib = np.cos(6.2832 * flutes * grid.v) if flutes else 0.0 * cloud
    shade = 1.0 + fibre * hair + 0.6 * fibre * cloud - 0.25 * fleck + 0.012 * rib
    height = relief * (0.6 * hair + cloud + 1.5 * rib)
    return Layers(shade.astype(np.float32), 0.02 * hair, height.astype(np.float32), tint=(0.9, 1.0, 1.15))


def bone(grid: Grid) -> Layers:
    """Polished bone: fine canals along v, yellowed clouds."""
    cloud = grid.noise((3, 2), 4, 0.55, salt=1)
    streak = grid.noise((70, 5), 3, 0.7, salt=2)
    first, _, own = grid.cells((110, 16), 1.0, salt=3)
    canal = step(0.3, 0.12, first) * step(0.72, 0.85, own)
    shade = 1.0 - 0.07 * step(-0.3, 0.9, cloud) - 0.035 * streak - 0.32 * canal
    return Layers(
        shade.astype(np.float32),
        0.06 * streak + 0.12 * canal,
        (-6e-5 * canal - 1e-5 * streak).astype(np.float32),
        tint=(0.85, 1.1, 1.6),
    )
