"""Cameras: where a picture is taken from, how points land in it, and orbits that frame an object tightly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Vec3 = tuple[float, float, float]


@dataclass(frozen=True)
class Camera:
    """A pinhole (`fov` degrees, vertical) or, with `fov` 0, an orthographic camera `extent` metres high."""

    eye: Vec3 = (0.0, 0.0, 3.0)
    target: Vec3 = (0.0, 0.0, 0.0)
    up: Vec3 = (0.0, 1.0, 0.0)
    fov: float = 30.0
    extent: float = 1.0

    def axes(self) -> F64:
        """(3, 3) rows: right, up and back (towards the viewer), unit and orthogonal."""
        back = _unit((self.eye[0] - self.target[0], self.eye[1] - self.target[1], self.eye[2] - self.target[2]))
        across = _cross(self.up, back)
        if math.hypot(*across) < 1e-6:  # looking along `up`: any other axis serves
            across = _cross((0.0, 0.0, -1.0), back)
        right = _unit(across)
        return np.array([right, _cross(back, right), back])

    def matrix(self) -> F64:
        """(4, 4) camera-to-world with OpenGL camera axes (x right, y up, looking along −z), as in transforms.json."""
        pose = np.eye(4)
        pose[:3, :3] = self.axes().T
        pose[:3, 3] = self.eye
        return pose

    def project(self, points: npt.ArrayLike, width: int, height: int) -> F64:
        """(n, 4): pixel x, pixel y (down; centres at +0.5), nearness (1/depth or −depth), and perspective weight."""
        local = (np.asarray(points, dtype=np.float64) - np.asarray(self.eye)) @ self.axes().T
        depth = -local[:, 2]
        if self.fov > 0.0:
            nearness = weight = 1.0 / np.where(depth > 1e-9, depth, np.nan)
            scale = weight * (0.5 * height / np.tan(np.radians(self.fov) / 2.0))
        else:
            nearness, weight = -depth, np.ones_like(depth)
            scale = weight * (height / self.extent)
        x = 0.5 * width + local[:, 0] * scale
        y = 0.5 * height - local[:, 1] * scale
        return np.stack([x, y, nearness, weight], axis=1)

    def depth(self, nearness: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Metres along the view axis from the nearness that `project` gives; infinite where nothing was hit."""
        if self.fov <= 0.0:
            return -nearness
        with np.errstate(divide="ignore"):
            return np.where(np.isfinite(nearness), np.float32(1.0) / nearness, np.float32(np.inf))


def orbit(
    points: npt.ArrayLike,
    azimuth: float = 35.0,
    elevation: float = 20.0,
    fov: float = 30.0,
    margin: float = 1.1,
    aspect: float = 1.0,
) -> Camera:
    """A camera around `points` (n, 3) that frames them tightly and centred; degrees, azimuth 0 = front (+Z), 90 = +X.

    `margin` is the picture's size over the object's; `aspect` is width over height; `fov` 0 is orthographic.
    """
    cloud = np.asarray(points, dtype=np.float64)
    a, e = np.radians([azimuth, elevation])
    back = np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
    right, up, back = Camera(eye=_vec3(back), target=(0.0, 0.0, 0.0)).axes()
    x, y, z = cloud @ right, cloud @ up, cloud @ back
    if fov <= 0.0:
        extent = margin * max(np.ptp(y), np.ptp(x) / aspect, 1e-6)
        middle = right * _middle(x) + up * _middle(y) + back * _middle(z)
        reach = 2.0 * float(np.linalg.norm(np.ptp(cloud, axis=0))) + extent
        return Camera(_vec3(middle + back * reach), _vec3(middle), fov=0.0, extent=float(extent))
    slope = np.tan(np.radians(fov) / 2.0) / margin
    low_x, high_x = _frustum_fit(x, z, slope * aspect)
    low_y, high_y = _frustum_fit(y, z, slope)
    distance = max((high_x - low_x) / (2.0 * slope * aspect), (high_y - low_y) / (2.0 * slope))
    distance = max(distance, float(z.max()) + 1e-3 * max(1e-6, float(np.ptp(cloud, axis=0).max())))
    middle = right * (low_x + high_x) / 2.0 + up * (low_y + high_y) / 2.0
    return Camera(_vec3(middle + back * distance), _vec3(middle + back * _middle(z)), fov=fov)


def _frustum_fit(x: F64, z: F64, slope: float) -> tuple[float, float]:
    """Where the two frustum planes of half-slope `slope` that touch the points meet the plane z = 0.

    A point is inside when |x − c| ≤ slope·(d − z): both planes' offsets are extrema over the points, so the
    tightest centre c and distance d come out without iteration.
    """
    return float((x - slope * z).min()), float((x + slope * z).max())


def _middle(values: F64) -> float:
    return float(values.min() + values.max()) / 2.0


def _unit(vector: Vec3) -> Vec3:
    length = max(math.hypot(*vector), 1e-30)
    return vector[0] / length, vector[1] / length, vector[2] / length


def _cross(a: Vec3, b: Vec3) -> Vec3:
    """In plain floats: numpy's takes 20 µs, as much as drawing 500 faces."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _vec3(vector: F64) -> Vec3:
    return float(vector[0]), float(vector[1]), float(vector[2])
