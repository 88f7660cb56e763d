"""The photo studio: three lights and softboxes that turn with the camera, and the shadow maps they need."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.camera import Camera
from tasks.raster import depth_map
from tasks.shading import Studio

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

# Azimuth from the camera and elevation in degrees, then linear RGB: key, fill, rim.
LIGHTS = (
    (-38.0, 48.0, (0.80, 0.78, 0.745)),
    (55.0, 18.0, (0.16, 0.18, 0.21)),
    (160.0, 35.0, (0.36, 0.38, 0.42)),
)
# Azimuth, elevation, sharpness (1/steradian scale) and brightness of the softboxes that reflections show.
SOFTBOXES = (
    (-65.0, 35.0, 14.0, 1.6),
    (80.0, 20.0, 20.0, 1.0),
    (180.0, 30.0, 10.0, 0.8),
    (-20.0, 75.0, 8.0, 0.7),
    (20.0, 0.0, 12.0, 0.35),
)
SHADOW_SIZE = 512
SKY_SIZE = 80
SKY_DIRECTIONS = 24


class Ball(NamedTuple):
    """The sphere that depth maps frame."""

    middle: F64
    diameter: float


def make_studio(camera: Camera, positions: F32, faces: I32) -> Studio:
    """Light `faces` (the solid ones) for `camera`: orthographic depth maps from the key light and the sky."""
    back = camera.axes()[2]
    azimuth = float(np.degrees(np.arctan2(back[0], back[2])))
    lights = np.array([[*_direction(azimuth + a, e), *rgb] for a, e, rgb in LIGHTS])
    boxes = np.array([[*_direction(azimuth + a, e), sharp, power] for a, e, sharp, power in SOFTBOXES])
    low, high = [np.array([f(positions[:, axis]) for axis in range(3)], dtype=np.float64) for f in (np.min, np.max)]
    ball = Ball((low + high) / 2.0, max(float(np.linalg.norm(high - low)), 1e-9))
    shadow, shadow_pose = _depth_map(lights[0, :3], ball, positions, faces, SHADOW_SIZE, splat=False)
    large = faces[_longest_edge(positions, faces) > 0.7 * ball.diameter / SKY_SIZE]
    axes = _sky_axes()
    views = [_depth_map(axis, ball, positions, large, SKY_SIZE, splat=True) for axis in axes]
    sky = np.stack([depth for depth, _ in views])
    return Studio(lights, boxes, shadow, shadow_pose, sky, np.stack([pose for _, pose in views]), axes)


def _direction(azimuth: float, elevation: float) -> F64:
    a, e = np.radians([azimuth, elevation])
    return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])


@cache
def _sky_axes() -> F64:
    """A Fibonacci spiral over the sphere above −20°: the floor hides the rest."""
    index = np.arange(SKY_DIRECTIONS) + 0.5
    y = 1.0 - index / SKY_DIRECTIONS * 1.35
    turn = index * np.pi * (3.0 - np.sqrt(5.0))
    ring = np.sqrt(1.0 - y * y)
    return np.stack([ring * np.sin(turn), y, ring * np.cos(turn)], axis=1)


def _longest_edge(positions: F32, faces: I32) -> F32:
    a, b, c = positions[faces[:, 0]], positions[faces[:, 1]], positions[faces[:, 2]]
    squares = [np.einsum("ij,ij->i", edge, edge) for edge in (b - a, c - b, a - c)]
    return np.asarray(np.sqrt(np.maximum(np.maximum(squares[0], squares[1]), squares[2])), dtype=np.float32)


def _depth_map(axis: F64, ball: Ball, positions: F32, faces: I32, size: int, splat: bool) -> tuple[F32, F64]:
    """Nearness (size, size) from infinity along `axis`, and the (3, 4) pose whose bias keeps a face off its own shadow.

    `splat` also draws every vertex as one texel, which stands for the faces too small to be worth drawing.
    """
    rows = Camera(eye=(axis[0], axis[1], axis[2])).axes() * [[1.0], [-1.0], [1.0]]
    scale = (size - 4) / ball.diameter
    pose = np.column_stack([rows * scale, rows @ -ball.middle * scale + [0.5 * size, 0.5 * size, 0.0]])
    near = np.full((size, size), -np.inf, dtype=np.float32)
    depth_map(positions, faces, pose, splat, near)
    pose[2, 3] += 2.5  # texels
    return near, pose
