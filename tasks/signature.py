"""Signatures: a digest that equal assets share, and a short vector in which similar ones lie close together."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from ml.asset import F32, U8, Asset
from ml.color_space import decode, to_oklab
from tasks.camera import orbit
from tasks.views import Views, render_views

F64 = npt.NDArray[np.float64]

# Front, right, back, left and top, from far away: assets stand upright and look to the front by the time they are
# measured, so the same view shows the same side.
DIRECTIONS = ((0.0, 0.0), (90.0, 0.0), (180.0, 0.0), (270.0, 0.0), (0.0, 90.0))
SIDE = 64  # pixels a view
SHAPE_CELLS, COLOR_CELLS = 8, 2  # a side, of the means that are kept
GRID = 4096  # steps along the longest side that the digest tells apart: float32 rounding of another unit stays within


@dataclass(frozen=True)
class Signature:
    """What two assets are compared by."""

    digest: str  # 32 hexadecimal digits
    features: U8  # (380,) 0–255: mean depths by view and cell, then mean OKLab colours

    def text(self) -> str:
        """The signature as the ledger keeps it."""
        return f"{self.digest}:{base64.b64encode(self.features.tobytes()).decode()}"

    @staticmethod
    def of_text(text: str) -> Signature:
        """The inverse of `text`; raises ValueError."""
        digest, _, features = text.partition(":")
        found = np.frombuffer(base64.b64decode(features, validate=True), np.uint8)
        if len(found) != FEATURES or len(digest) != 32:
            raise ValueError(f"not a signature: {text[:40]}…")
        return Signature(digest, found)


SHAPE_FEATURES = len(DIRECTIONS) * SHAPE_CELLS**2
FEATURES = SHAPE_FEATURES + len(DIRECTIONS) * COLOR_CELLS**2 * 3


def signature(asset: Asset) -> Signature:
    """The signature of an asset with faces; scale and place do not count, which way it stands does.

    Raises InputError `mesh.no-faces`, and what `render_views` raises.
    """
    extent = max(float(np.ptp(asset.bounds(), axis=0).max()), 1e-30)
    points = np.concatenate([part.vertices[part.faces.reshape(-1)] for part in asset.parts])
    cameras = [orbit(points, azimuth, elevation, fov=0.0, margin=1.0) for azimuth, elevation in DIRECTIONS]
    # One scale for all views: else a plank would look like a cube.
    same = [type(camera)(camera.eye, camera.target, camera.up, 0.0, extent) for camera in cameras]
    views = render_views(asset, same, SIDE)
    features = np.concatenate([_shape(views, extent).reshape(-1), _colors(views).reshape(-1)])
    return Signature(_digest(asset, points), np.rint(np.clip(features, 0.0, 1.0) * 255.0).astype(np.uint8))


def distance(features: npt.NDArray[np.uint8], others: npt.NDArray[np.uint8]) -> F64:
    """(n,) how far apart signatures (380,) and (n, 380) lie: root mean squares of their shapes' and colours'
    differences, added; 0 is the same, 0.02 hard to tell apart, 0.1 clearly another."""
    away = (others.astype(np.float64) - features.astype(np.float64)) / 255.0
    shape, color = away[:, :SHAPE_FEATURES], away[:, SHAPE_FEATURES:]
    total: F64 = np.sqrt(np.mean(shape**2, axis=1)) + np.sqrt(np.mean(color**2, axis=1))
    return total


def _shape(views: Views, extent: float) -> F64:
    """(k, 8, 8) how far each cell's surface stands out towards the camera, in extents; 0 where nothing is."""
    seen = views.mask
    depth = np.where(seen, views.depth, 0.0).astype(np.float64)
    nearest = np.where(seen, depth, np.inf).min(axis=(1, 2), initial=np.inf, keepdims=True)
    height = np.where(seen, 1.0 - 0.5 * (depth - nearest) / extent, 0.0)
    return _pooled(height[..., None], SHAPE_CELLS)


def _colors(views: Views) -> F64:
    """(k, 2, 2, 3) mean OKLab of each cell's surface, a and b moved to 0–1; grey where nothing is."""
    lab = np.full((*views.mask.shape, 3), 0.5)
    lab[views.mask] = to_oklab(_linear(views.albedo[views.mask])) + np.array([0.0, 0.5, 0.5])
    share = _pooled(views.mask[..., None].astype(np.float64), COLOR_CELLS)
    seen = _pooled(lab * views.mask[..., None], COLOR_CELLS) / np.maximum(share, 1e-9)
    return np.where(share > 0.0, seen, 0.5)


def _linear(pixels: U8) -> F32:
    return decode(pixels[:, :3])


def _pooled(values: F64, cells: int) -> F64:
    """(k, SIDE, SIDE, c) as means over cells × cells."""
    step = SIDE // cells
    means: F64 = values.reshape(len(values), cells, step, cells, step, -1).mean(axis=(2, 4))
    return means


def _digest(asset: Asset, points: F32) -> str:
    """Of all triangles on a grid over the asset, in whatever order they come, and of colours and base-colour maps."""
    low = points.min(axis=0)
    step = max(float(np.ptp(points, axis=0).max()), 1e-30) / GRID
    found = blake2b(digest_size=16)
    for part in sorted(asset.parts, key=lambda part: (len(part.faces), repr(part.material.base_color))):
        corners = np.rint((part.vertices[part.faces] - low) / step).astype(np.int64)
        keys = (corners[..., 0] << 40) | (corners[..., 1] << 20) | corners[..., 2]
        first = keys.argmin(axis=1)
        turned = np.take_along_axis(keys, (first[:, None] + np.arange(3)) % 3, axis=1)
        found.update(np.ascontiguousarray(turned[np.lexsort(turned.T)]).tobytes())
        found.update(repr(part.material.base_color).encode())
        if part.material.base_color_texture is not None:
            found.update(part.material.base_color_texture.data)
    return found.hexdigest()
