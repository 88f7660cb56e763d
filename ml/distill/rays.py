"""Rays of pictures through the unit ball, and the cameras that take them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ml.views import View, orbit_pose


@dataclass(frozen=True)
class Rays:
    """n rays, the stretch of each within the unit ball around the origin."""

    origins: Tensor  # (n, 3)
    directions: Tensor  # (n, 3) unit
    near: Tensor  # (n,)
    far: Tensor  # (n,); not beyond `near` where the ray misses the ball

    def __getitem__(self, rows: Tensor) -> Rays:
        return Rays(self.origins[rows], self.directions[rows], self.near[rows], self.far[rows])

    def __len__(self) -> int:
        return len(self.origins)

    @property
    def hits(self) -> Tensor:
        """(n,) whether a ray passes the ball in front of its camera."""
        return self.far > self.near

    def at(self, depths: Tensor) -> Tensor:
        """(n, k, 3) points of (n, k) depths."""
        return self.origins[:, None] + depths[..., None] * self.directions[:, None]


def picture_rays(view: View, width: int, height: int, device: str = "cpu") -> Rays:
    """One ray through the middle of each pixel, row by row from the top; `view` is in the ball's frame."""
    focal = view.focal(width, height)
    x = (np.arange(width) + 0.5 - 0.5 * width) / focal
    y = (0.5 * height - 0.5 - np.arange(height)) / focal
    across, up = (values.ravel() for values in np.meshgrid(x, y))
    right, above, back = view.pose[:3, :3].T
    eye = np.broadcast_to(view.pose[:3, 3], (width * height, 3))
    if view.angle_x > 0.0:
        directions = across[:, None] * right + up[:, None] * above - back
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        origins = eye
    else:  # from before the ball, wherever the camera is said to stand
        directions = np.broadcast_to(-back, (width * height, 3))
        origins = eye + across[:, None] * right + up[:, None] * above
        origins = origins + ((origins @ back)[:, None] * -back) + 2.0 * back
    start, way = (torch.tensor(values, dtype=torch.float32, device=device) for values in (origins, directions))
    return ball_rays(start, way)


def ball_rays(origins: Tensor, directions: Tensor) -> Rays:
    """The stretches of rays within the unit ball, none of them behind the origin."""
    middle = -(origins * directions).sum(dim=1)
    half = (1.0 - (origins * origins).sum(dim=1) + middle * middle).clamp(min=0.0).sqrt()
    near, far = (middle - half).clamp(min=0.0), middle + half
    return Rays(origins, directions, near, torch.where(half > 0.0, far, near))


def orbit_view(azimuth: float, elevation: float, angle: float, zoom: float = 1.0) -> View:
    """A camera whose picture the unit ball just fills at zoom 1; degrees, azimuth 0 = front (+Z), 90 = +X."""
    distance = 1.0 / (zoom * math.sin(math.radians(angle) / 2.0))
    return View(orbit_pose(azimuth, elevation, distance), math.radians(angle))


def framed_view(view: View, centre: np.ndarray, radius: float) -> View:
    """A camera of the world in the frame in which the ball of `radius` around `centre` is the unit ball."""
    pose = view.pose.copy()
    pose[:3, 3] = (pose[:3, 3] - centre) / radius
    return replace(view, pose=pose, extent=view.extent / radius)
