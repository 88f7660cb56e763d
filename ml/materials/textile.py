"""Textiles: woven, knitted and piled cloth, and leather."""

from __future__ import annotations

import numpy as np

from ml.materials.grid import Field, Grid, Layers, fraction, random_by, step

# Weave drafts: 1 where the warp thread lies on top (Emery, "The Primary Structures of Fabrics", 1966).
PLAIN = np.array([[1, 0], [0, 1]])
TWILL = np.array([[1, 1, 1, 0], [0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1]])  # 3/1, as in denim
TWILL_2_2 = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 1]])
SATIN = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 1, 1], [0, 1, 1, 1, 1], [1, 1, 1, 0, 1], [1, 0, 1, 1, 1]])
BASKET = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])


def woven(
    grid: Grid,
    threads: int = 80,
    draft: str = "plain",
    relief: float = 1.5e-4,
    slub: float = 0.1,
    weft: float = 1.0,
    gap: float = 0.35,
    fuzz: float = 0.08,
) -> Layers:
    """`threads` warp and weft threads across the tile, a multiple of the draft's size.

    `slub` is how uneven threads are, `weft` how much lighter or darker the weft is than the warp, `gap` how dark the
    holes between threads are.
    """
    plan = {"plain": PLAIN, "twill": TWILL, "twill-2-2": TWILL_2_2, "satin": SATIN, "basket": BASKET}[draft]
    wander = 0.12 / threads
    u = grid.u + np.float32(wander) * grid.noise((8, threads // 4), 1, salt=1)
    v = grid.v + np.float32(wander) * grid.noise((threads // 4, 8), 1, salt=2)
    x, y = u * threads, v * threads
    i, j = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    over = plan[j % len(plan), i % len(plan)].astype(np.float32)
    a, b = np.abs(fraction(x) - 0.5) * 2.0, np.abs(fraction(y) - 0.5) * 2.0  # 0 on the axis of warp, weft; 1 beside it
    # The upper thread bulges over the middle of the crossing; along floats it runs on at full height.
    warp_float = 0.5 * (
        over * plan[(j + 1) % len(plan), i % len(plan)] + over * plan[(j - 1) % len(plan), i % len(plan)]
    )
    weft_float = 0.5 * (
        (1 - over) * (1 - plan[j % len(plan), (i + 1) % len(plan)])
        + (1 - over) * (1 - plan[j % len(plan), (i - 1) % len(plan)])
    )
    warp_top = (1.0 - 0.85 * a * a) * (1.0 - 0.55 * (1.0 - warp_float) * b * b)
    weft_top = (1.0 - 0.85 * b * b) * (1.0 - 0.55 * (1.0 - weft_float) * a * a)
    top = np.where(over > 0, warp_top, weft_top).astype(np.float32)
    tone = np.where(over > 0, random_by(i, threads, grid.seed + 3), random_by(j, threads, grid.seed + 4))
    along = _slubs(grid, threads, over)
    twist = np.where(
        over > 0, np.sin(6.2832 * (fraction(x) * 0.8 + 3.0 * y)), np.sin(6.2832 * (fraction(y) * 0.8 + 3.0 * x))
    )
    shade = (1.0 - gap * (1.0 - top)) * (1.0 + slub * (tone - 0.5) + slub * along) * (1.0 + 0.05 * twist)
    shade = shade * np.where(over > 0, 1.0, weft).astype(np.float32)
    hair = grid.noise((grid.size // 4, grid.size // 4), 1, salt=5) if fuzz else 0.0 * top
    shade = np.maximum(shade + fuzz * hair, 0.05).astype(np.float32)
    return Layers(
        shade, 0.03 * (1.0 - top), (relief * (top + 0.08 * twist * top + 0.3 * slub * along)).astype(np.float32)
    )


def _slubs(grid: Grid, threads: int, over: Field) -> Field:
    """Thick and thin places along each thread."""
    warp = grid.noise((threads, 6), 2, salt=6)
    weft = grid.noise((6, threads), 2, salt=7)
    return np.where(over > 0, warp, weft).astype(np.float32)


def denim(grid: Grid, threads: int = 120) -> Layers:
    """3/1 twill of indigo warp over undyed weft, rubbed paler on the ridges."""
    cloth = woven(grid, threads, "twill", relief=2.0e-4, slub=0.22, gap=0.5, fuzz=0.1)
    x, y = np.floor(grid.u * threads).astype(np.int64), np.floor(grid.v * threads).astype(np.int64)
    undyed = 1.0 - TWILL[y % 4, x % 4].astype(np.float32)
    worn = 0.10 + 0.10 * grid.noise((3, 3), 4, salt=9) + 0.05 * grid.noise((threads, 3), 1, salt=10)
    indigo, cotton = np.array([0.035, 0.08, 0.2], np.float32), np.array([0.42, 0.42, 0.38], np.float32)
    share = np.clip(0.55 * undyed + worn, 0.0, 1.0)[..., None]
    shade = cloth.shade[..., None] * (indigo + (cotton - indigo) * share)
    return Layers(shade.astype(np.float32), cloth.roughness, cloth.height)


def knitted(grid: Grid, stitches: int = 20, relief: float = 1.2e-3) -> Layers:
    """Stocking stitch: columns of V, `stitches` across and 1.3 times as many rows."""
    rows = round(stitches * 1.3)
    x = grid.u * stitches + 0.05 * grid.noise((12, 12), 2, salt=1)
    y = grid.v * rows + 0.08 * grid.noise((12, 12), 2, salt=2)
    across = np.abs(fraction(x) - 0.5) * 2.0  # 0 in the groove of the V, 1 between two columns
    along = fraction(y + 0.85 * across)
    side = np.sin(np.pi * np.clip(0.06 + 0.88 * across, 0, 1))
    rope = np.sin(np.pi * np.clip(along, 0, 1))
    top = (side * (0.35 + 0.65 * rope)).astype(np.float32)
    ply = np.sin(6.2832 * (2.0 * along + 2.2 * across))
    fuzz = grid.noise((grid.size // 4, grid.size // 4), 1, salt=3) + grid.noise((90, 90), 2, salt=4)
    stitch = np.floor(x) * rows + np.mod(np.floor(y + 0.85 * across), rows)  # repeats with the tile
    heather = random_by(stitch, stitches * rows, grid.seed + 5)
    shade = (0.35 + 0.65 * top) * (1.0 + 0.1 * (heather - 0.5)) * (1.0 + 0.06 * ply) + 0.05 * fuzz
    return Layers(
        np.maximum(shade, 0.05).astype(np.float32),
        0.02 * fuzz,
        (relief * (top + 0.05 * ply + 0.03 * fuzz)).astype(np.float32),
    )


def pile(grid: Grid, depth: float = 3e-4, crush: float = 0.22) -> Layers:
    """Velvet: dense short fibres that catch light where the pile is stroked one way."""
    tip = grid.noise((grid.size // 4, grid.size // 4), 1, salt=1) + 0.8 * grid.noise((120, 120), 2, salt=2)
    at = grid.warped((3, 3), 0.06, 2, salt=3)
    stroke = step(-0.5, 0.5, grid.noise((4, 4), 3, salt=4, at=at))
    shade = (1.0 - crush + 2.0 * crush * stroke) * (1.0 + 0.16 * tip)
    return Layers(
        np.maximum(shade, 0.1).astype(np.float32), 0.05 * tip - 0.06 * stroke, (0.12 * depth * tip).astype(np.float32)
    )


def hide(grid: Grid, grains: int = 64, relief: float = 1.6e-4) -> Layers:
    """Leather: pebbles of two sizes between creases, worn paler on top."""
    at = grid.warped((8, 8), 0.012, 3, salt=1)
    first, second, own = grid.cells((grains, grains), 0.95, salt=2, at=at)
    wide_first, wide_second, _ = grid.cells((grains // 3, grains // 3), 1.0, salt=3, at=at)
    crease = step(0.26, 0.0, second - first)
    fold = step(0.14, 0.0, wide_second - wide_first)
    dome = np.sqrt(np.clip(1.0 - first, 0.0, 1.0))
    pore = grid.noise((grid.size // 4, grid.size // 4), 1, salt=4)
    cloud = grid.noise((3, 3), 4, 0.6, salt=5)
    deep = np.maximum(crease, 0.8 * fold)
    shade = 1.0 - 0.42 * deep + 0.10 * (own - 0.5) + 0.10 * cloud + 0.04 * pore
    height = relief * (0.7 * dome - 0.9 * crease - 0.7 * fold + 0.06 * pore)
    return Layers(
        shade.astype(np.float32),
        0.16 * deep - 0.06 * cloud + 0.02 * pore,
        height.astype(np.float32),
        tint=(1.0, 1.2, 1.35),
    )
