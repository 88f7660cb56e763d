"""Where the field takes pictures of a training asset from: seeded, so that two runs see the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tasks.camera import Camera, orbit

F64 = npt.NDArray[np.float64]
HALF_DIAGONAL = np.sqrt(3.0) / 2.0  # of the unit cube: the sphere that holds every normalised asset


def orbit_cameras(points: npt.ArrayLike, count: int = 8, elevation: float = 20.0, fov: float = 30.0) -> list[Camera]:
    """`count` cameras at equal steps of azimuth, the first in front, each framing (n, 3) points tightly."""
    return [orbit(points, azimuth, elevation, fov) for azimuth in np.arange(count) * (360.0 / count)]


def orthographic_cameras(bounds: F64) -> list[Camera]:
    """Front, right, back, left, top and bottom of (2, 3) bounds at one scale, 10 % wider than the longest side."""
    centre, side = _frame(bounds)
    ways = ((0, 0, 1), (1, 0, 0), (0, 0, -1), (-1, 0, 0), (0, 1, 0), (0, -1, 0))
    return [_camera(centre, np.array(way) * (2.0 * side), 0.0, 1.1 * side) for way in ways]


def sphere_cameras(
    bounds: F64, count: int = 150, seed: int = 0, radius: float = 2.0, fov: float = 40.0
) -> list[Camera]:
    """Cameras at `radius` longest sides from the centre, all around, as TRELLIS renders (Xiang et al. 2024).

    Directions are a Hammersley set with a random offset, a quarter of them below the horizon and three quarters above.
    """
    centre, side = _frame(bounds)
    return [_camera(centre, way * (radius * side), fov) for way in _hammersley(count, np.random.default_rng(seed))]


def condition_cameras(
    bounds: F64, count: int = 24, seed: int = 0, fov: tuple[float, float] = (10.0, 70.0)
) -> list[Camera]:
    """TRELLIS' cameras for condition images: 1/r² uniform between the distances at which each end of `fov` (degrees)
    holds the unit cube's sphere, and at each the field of view that holds it."""
    centre, side = _frame(bounds)
    random = np.random.default_rng(seed)
    ways = _hammersley(count, random)
    near, far = HALF_DIAGONAL / np.sin(np.radians(fov[1]) / 2.0), HALF_DIAGONAL / np.sin(np.radians(fov[0]) / 2.0)
    radii = 1.0 / np.sqrt(random.uniform(1.0 / far**2, 1.0 / near**2, count))
    fovs = np.degrees(2.0 * np.arcsin(HALF_DIAGONAL / radii))
    return [_camera(centre, way * (r * side), float(f)) for way, r, f in zip(ways, radii, fovs, strict=True)]


def _hammersley(count: int, random: np.random.Generator) -> F64:
    """(count, 3) unit directions with Y up; the sines of their elevations are remapped as TRELLIS does."""
    u = (np.arange(count) + random.random()) / count
    v = np.array([_reversed_bits(i) for i in range(count)]) + random.random()
    u = np.where(u < 0.25, 2.0 * u, 2.0 / 3.0 * u + 1.0 / 3.0)
    height = 2.0 * u - 1.0
    flat, azimuth = np.sqrt(1.0 - height**2), 2.0 * np.pi * v
    return np.stack([flat * np.sin(azimuth), height, flat * np.cos(azimuth)], axis=1)


def _reversed_bits(index: int) -> float:
    """The van der Corput sequence: the binary digits of `index` behind the point, in reverse."""
    value, digit = 0.0, 0.5
    while index:
        value += digit * (index & 1)
        index, digit = index >> 1, digit / 2.0
    return value


def _frame(bounds: F64) -> tuple[F64, float]:
    """Centre and longest side of (2, 3) bounds."""
    return bounds.mean(axis=0), max(float(np.ptp(bounds, axis=0).max()), 1e-30)


def _camera(centre: F64, offset: F64, fov: float, extent: float = 1.0) -> Camera:
    x, y, z = (centre + offset).tolist()
    tx, ty, tz = centre.tolist()
    return Camera((x, y, z), (tx, ty, tz), fov=fov, extent=extent)
