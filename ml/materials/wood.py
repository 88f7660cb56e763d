"""Wood: growth rings of a sawn board with pores, rays, fibres and knots; the grain runs along v."""

from __future__ import annotations

import numpy as np

from ml.materials.grid import Field, Grid, Layers, fraction, random_by, step


def board(
    grid: Grid,
    rings: int = 12,
    figure: float = 1.5,
    latewood: float = 0.4,
    pores: float = 0.0,
    ring_porous: bool = False,
    rays: float = 0.0,
    knots: int = 0,
    red: float = 1.25,
) -> Layers:
    """`rings` across the tile, bent by `figure` rings (0: quarter-sawn, straight); the rest are depths 0–1.

    Hoadley, "Understanding Wood" (2000): earlywood darkens into latewood and starts anew abruptly; oak and ash have
    their pores in the earlywood, walnut and mahogany everywhere; beech and oak show rays as flecks.
    """
    bend = figure * grid.noise((2, 1), 2, 0.35, salt=1) + 0.2 * figure * grid.noise((5, 1), 2, salt=2)
    knot_bend, knot_dark = _knots(grid, knots)
    phase = rings * _uneven(grid.u + (bend + knot_bend) / np.float32(rings), grid.seed)
    phase = phase + 0.12 * grid.noise((24, 3), 2, salt=3)
    t, ring = fraction(phase), np.floor(phase)
    vary = 0.55 + 0.45 * random_by(ring, rings, grid.seed + 5)
    late = step(0.15, 0.95, t) * step(1.0, 0.93, t) * vary
    fibre = grid.noise((96, 3), 3, 0.75, salt=4)
    cloud = grid.noise((3, 1), 3, salt=6)
    shade = 1.0 - latewood * late - 0.10 * fibre - 0.07 * cloud
    height = 7e-5 * late + 3e-5 * fibre
    rough = 0.04 * fibre - 0.05 * late
    if pores > 0.0:
        first, _, own = grid.cells((160, 14), 1.0, salt=7)
        where = step(0.45, 0.05, t) + 0.1 if ring_porous else 0.55 + 0.3 * cloud
        pore = step(0.42, 0.18, first) * step(0.15, 0.5, own + where - 0.5) * np.clip(where, 0.0, 1.0)
        shade, height, rough = shade - pores * pore, height - 3e-4 * pore, rough + 0.1 * pore
    if rays > 0.0:
        first, _, own = grid.cells((56, 24), 1.0, salt=8)
        fleck = step(0.38, 0.16, first) * step(0.55, 0.7, own)
        shade, rough = shade + rays * (own * 2.0 - 1.5) * fleck, rough - 0.05 * fleck
    shade = np.maximum(shade * (1.0 - 0.72 * knot_dark), 0.08).astype(np.float32)
    return Layers(shade, rough, height.astype(np.float32), tint=(1.0, red, red * red))


def _uneven(u: Field, seed: int) -> Field:
    """`u` run through a rising curve of period 1, so that rings are narrow in some years and wide in others."""
    rng = np.random.default_rng(seed + 23)
    out = u.copy()
    for wave in (1, 2, 3, 5, 8):
        slope = np.float32(rng.uniform(0.08, 0.24))  # together at most 1.2; 0.8 as drawn on average: rarely turns back
        out += (
            slope
            / np.float32(2 * np.pi * wave)
            * np.sin(np.float32(2 * np.pi * wave) * u + np.float32(rng.uniform(0, 6.3)))
        )
    return out


def _knots(grid: Grid, count: int) -> tuple[Field, Field]:
    """Rings drawn around knots, and how dark each pixel is for lying in one."""
    bend, dark = 0.0 * grid.u, 0.0 * grid.u
    rng = np.random.default_rng(grid.seed + 17)
    for _ in range(count):
        x, y, r = rng.uniform(0.1, 0.9), rng.uniform(0, 1), rng.uniform(0.018, 0.032)
        du = fraction(grid.u - np.float32(x) + 0.5) - 0.5
        dv = (fraction(grid.v - np.float32(y) + 0.5) - 0.5) * np.float32(0.55)
        distance = np.sqrt(du * du + dv * dv) / np.float32(r)
        near = np.exp(-0.5 * (distance / 2.2) ** 2)
        bend = bend - 1.6 * np.sign(du) * near * step(0.0, 1.2, np.abs(du) / np.float32(r))
        rim = 0.25 * grid.noise((20, 12), 2, salt=31)
        dark = np.maximum(dark, step(1.25, 0.8, distance + rim) * (0.75 + 0.25 * np.sin(9.0 * distance)))
        dark = np.maximum(dark, 0.35 * near)
    return bend.astype(np.float32), dark.astype(np.float32)


def bamboo(grid: Grid, strips: int = 6) -> Layers:
    """Strips side by side, each with its own tone and nodes."""
    at = grid.u * strips
    strip, t = np.floor(at), fraction(at)
    tone = random_by(strip, strips, grid.seed + 1)
    fibre = grid.noise((150, 3), 2, 0.7, salt=1)
    node = fraction(grid.v * 2.0 + random_by(strip, strips, grid.seed + 2))
    ring = np.exp(-(((node - 0.5) / 0.012) ** 2))
    below = np.exp(-(((node - 0.53) / 0.03) ** 2))
    joint = step(0.03, 0.0, t) + step(0.97, 1.0, t)
    shade = 0.86 + 0.22 * tone - 0.1 * fibre - 0.28 * below - 0.1 * ring - 0.45 * joint
    height = 2e-4 * ring + 1e-5 * fibre - 2.5e-4 * joint
    return Layers(shade, 0.05 * fibre + 0.2 * joint, height, tint=(1.0, 1.15, 1.5))
