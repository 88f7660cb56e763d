"""Scaling to real size: the dimensions a row asks for, a stated unit, or a guess that says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml.asset import Asset, InputError
from tasks.conventions import input_format, unit
from tasks.transform import transformed

F64 = npt.NDArray[np.float64]

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254}
# A file without a unit that is larger than this is taken for millimetres; below, numbers stay metres, which leaves
# the unit cubes alone that scanners and generators like to produce. Slicers take every STL as millimetres, so there
# only what normalising to [−1, 1] could have made stays metres.
LARGEST_PLAUSIBLE_M = {"stl": 2.5}
LARGEST_PLAUSIBLE_M_ELSEWHERE = 20.0
# Khronos auditor, khronos-recommended.json: percentTolerance 3 of each product dimension.
TOLERANCE = 0.03
# Below this share of the largest extent an axis is flat and says nothing about scale.
FLAT = 1e-6
AXES = ("width", "height", "depth")  # x, y, z
MAX_FACTOR = 1e9


@dataclass(frozen=True)
class ScaleOptions:
    """The real size in metres, where it is known, and what to assume where it is not."""

    height_m: float | None = field(default=None, metadata={"min": 1e-4, "max": 1e4, "help": "extent along Y"})
    width_m: float | None = field(default=None, metadata={"min": 1e-4, "max": 1e4, "help": "extent along X"})
    depth_m: float | None = field(default=None, metadata={"min": 1e-4, "max": 1e4, "help": "extent along Z"})
    fallback_m: float | None = field(
        default=None, metadata={"min": 1e-4, "max": 1e4, "help": "largest extent of an asset whose unit is unknown"}
    )
    unit: Literal["auto", "m", "cm", "mm", "inch"] = field(default="auto", metadata={"help": "unit of the input"})
    stretch: bool = field(default=False, metadata={"help": "meet every dimension, distorting the shape if need be"})


def scale(asset: Asset, options: ScaleOptions = ScaleOptions()) -> Asset:
    """Scale about the origin, source and LODs along; how the size was found is in the note `scaled`.

    Dimensions win over units. Several dimensions that disagree are met as well as one factor can (least squares of
    log ratios), unless `stretch`. Without dimensions the unit decides: the option, else what the file states
    (`tasks/conventions.py`), else `fallback_m`, else a guess. Raises InputError `scale.flat` where an
    asked extent is zero, `scale.bad-size` for a dimension that is no positive number, `mesh.no-faces`.
    """
    low, high = asset.bounds()
    asked = np.array([value or np.nan for value in (options.width_m, options.height_m, options.depth_m)])
    _check_asked(options, high - low)
    if np.isnan(asked).all():
        factors, reason = _by_unit(asset, float((high - low).max()), options)
    else:
        factors, reason = _by_dimensions(high - low, asked, options.stretch)
    if not (factors.min() > 1.0 / MAX_FACTOR and factors.max() < MAX_FACTOR):
        raise InputError("scale.flat", f"scale factor {factors.max():.3g}; the mesh is degenerate or its size absurd")
    targets = {f"size.asked_{axis}_m": float(a) for axis, a in zip(AXES, asked, strict=True) if not np.isnan(a)}
    scaled = transformed(asset, np.diag(factors), np.zeros(3))
    return scaled.measured(targets).noted(unit="m", scaled=reason)


def _check_asked(options: ScaleOptions, extent: F64) -> None:
    for axis, length in zip(AXES, extent, strict=True):
        asked = getattr(options, f"{axis}_m")
        if asked is None:
            continue
        if not (isfinite(asked) and asked > 0):
            raise InputError("scale.bad-size", f"{axis} of {asked} m; it must be a positive number")
        if length <= FLAT * extent.max():
            raise InputError("scale.flat", f"the mesh has no {axis} ({length:.3g}) to scale to {asked} m")
    if extent.max() <= 0:
        raise InputError("scale.flat", "the mesh is a single point")


def _by_dimensions(extent: F64, asked: F64, stretch: bool) -> tuple[F64, str]:
    """Factors (3,) that meet the asked extents (NaN = free), and the reason."""
    given = ~np.isnan(asked)
    ratios = np.divide(asked, extent, out=np.ones(3), where=given)
    uniform = float(np.exp(np.log(ratios[given]).mean()))
    named = [(axis, asked[i], extent[i]) for i, axis in enumerate(AXES) if given[i]]
    wish = ", ".join(f"{axis} {value:.4g} m" for axis, value, _ in named)
    if stretch:
        return np.where(given, ratios, uniform), f"stretched to {wish}"
    off = [f"{axis} comes to {size * uniform:.4g} m" for axis, value, size in named if _misses(size * uniform, value)]
    disagreement = f"; proportions disagree by more than {TOLERANCE:.0%}: {', '.join(off)}" if off else ""
    return np.full(3, uniform), f"× {uniform:.4g} to {wish}{disagreement}"


def _misses(value: float, asked: float) -> bool:
    return abs(value - asked) > TOLERANCE * asked


def _by_unit(asset: Asset, largest: float, options: ScaleOptions) -> tuple[F64, str]:
    """Factors (3,) from the unit of the input, and the reason."""
    stated = unit(asset)
    plausible = LARGEST_PLAUSIBLE_M.get(input_format(asset), LARGEST_PLAUSIBLE_M_ELSEWHERE)
    if options.unit != "auto":
        factor, reason = METRES[options.unit], f"{options.unit} as asked"
    elif stated == "m":
        factor, reason = 1.0, "in metres already"
    elif stated in METRES:
        factor, reason = METRES[stated], f"{stated} as the file states"
    elif options.fallback_m is not None:
        factor, reason = options.fallback_m / largest, f"unit unknown: largest extent set to {options.fallback_m:.4g} m"
    elif largest > plausible:
        factor = METRES["mm"]
        reason = f"unit unknown: {largest:.4g} units taken as mm, more than {plausible:.4g} m is implausible"
    else:
        factor, reason = 1.0, f"unit unknown: {largest:.4g} units taken as metres"
    return np.full(3, factor), reason
