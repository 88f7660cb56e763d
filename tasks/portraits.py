"""Small pictures of an asset for image encoders: fixed views, unlit colours under a lamp beside the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ml.asset import F32, U8, Asset, InputError
from tasks.camera import Camera, orbit
from tasks.topology import F64
from tasks.views import render_views

# Azimuth and elevation, degrees: fronts carry drawers, doors and faces, the third shows the back.
DIRECTIONS = ((-30.0, 18.0), (35.0, 22.0), (160.0, 20.0))
FOV, MARGIN = 30.0, 1.08
BACKGROUND = 232.0  # sRGB, a light grey that neither white porcelain nor ebony melts into
LAMP = (-0.35, 0.55, 1.0)  # right, up and back of the camera
AMBIENT = 0.42  # of the light; with sRGB values scaled, a face that looks away is 42 % as bright as one that looks here
FINER = 2  # samples a pixel along each side


def portraits(
    asset: Asset, side: int, directions: Sequence[tuple[float, float]] = DIRECTIONS, lamp: Sequence[float] = LAMP
) -> U8:
    """(k, side, side, 3) sRGB pictures, one a direction (azimuth, elevation in degrees); 1 ms each at 64 pixels.

    Glass lets the background through. The same bytes everywhere. Raises InputError as `render_views` does.
    """
    asset, points = at_one_metre(asset)
    cameras = [orbit(points, azimuth, elevation, FOV, MARGIN) for azimuth, elevation in directions]
    views = render_views(asset, cameras, side * FINER)
    found = np.empty((len(cameras), side, side, 3), np.uint8)
    for k, camera in enumerate(cameras):
        light = _lit(views.normals[k], camera, np.asarray(lamp, dtype=np.float64))
        opacity = views.albedo[k, ..., 3:] * np.float32(1 / 255)
        picture = views.albedo[k, ..., :3] * light[..., None] * opacity + np.float32(BACKGROUND) * (1 - opacity)
        found[k] = picture.reshape(side, FINER, side, FINER, 3).mean(axis=(1, 3)) + 0.5
    return found


def at_one_metre(asset: Asset) -> tuple[Asset, F64]:
    """The asset moved to the origin and scaled to one metre, so that no size is too small or large, and its points."""
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the mesh has no faces to draw")
    for part in asset.parts:
        if len(part.faces) and (part.faces.min() < 0 or part.faces.max() >= len(part.vertices)):
            raise InputError("mesh.bad-index", f"face indices outside {len(part.vertices)} vertices")
    bounds = asset.bounds()
    if not np.isfinite(bounds).all():
        raise InputError("mesh.not-finite", "vertices are NaN or infinite")
    size = max(float(np.ptp(bounds, axis=0).max()), 1e-300)
    moved = [((part.vertices - bounds.mean(axis=0)) / size).astype(np.float32) for part in asset.parts]
    parts = tuple(replace(part, vertices=points) for part, points in zip(asset.parts, moved, strict=True))
    used = [part.vertices[np.unique(part.faces)] for part in parts]
    return replace(asset, parts=parts), np.concatenate(used).astype(np.float64)


def _lit(normals: F32, camera: Camera, lamp: F64) -> F32:
    """(h, w) brightness 0–1; faces seen from behind are lit as their front is."""
    axes = camera.axes()
    toward = (lamp / np.linalg.norm(lamp) @ axes).astype(np.float32)
    facing = np.einsum("hwc,c->hw", normals, axes[2].astype(np.float32))
    cosine = np.einsum("hwc,c->hw", normals, toward) * np.where(facing < 0, np.float32(-1), np.float32(1))
    return np.asarray(AMBIENT + (1.0 - AMBIENT) * np.clip(cosine, 0.0, 1.0), dtype=np.float32)
