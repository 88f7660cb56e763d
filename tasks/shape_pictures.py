"""Pictures and sketches of an asset for the shape model, both from one drawing of each view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import F32, I32, U8, Asset
from tasks.camera import orbit
from tasks.portraits import AMBIENT, BACKGROUND, FINER, FOV, LAMP, MARGIN, at_one_metre
from tasks.topology import F64
from tasks.views import render_views

CREASE = 0.766  # 40°: where normals of neighbouring samples differ more, a sketch has a line
STEP = 0.02  # of the object's size: least gap in depth that a sketch shows
STEEP = 3.0  # a gap is a step and no slope where the depth changes so many times as much as beside it
TINT = 24  # of 255: least difference of a colour's channel that a sketch shows


@dataclass(frozen=True)
class Light:
    """A distant lamp beside the camera, and light from everywhere."""

    lamp: tuple[float, float, float] = (LAMP[0], LAMP[1], LAMP[2])  # right, up and back of the camera
    ambient: float = AMBIENT  # share of the light that comes from everywhere


def drawn_light(random: np.random.Generator) -> Light:
    """A light for training: the lamp left or right, high or low, and more or less of a shadow side."""
    x, y, z = (np.array(LAMP) + random.uniform(-1.0, 1.0, 3) * (0.9, 0.45, 0.3)).tolist()
    return Light((x, y, z), float(random.uniform(0.3, 0.6)))


def pictures_and_sketches(
    asset: Asset, side: int, directions: Sequence[tuple[float, float]], light: Light = Light()
) -> tuple[U8, U8]:
    """(k, side, side, 3) sRGB pictures as tasks.portraits has them, and (k, side, side) sketches: dark on white.

    A sketch has a line where the depth steps, a crease bends or the colour changes from face to face; each about a
    pixel wide.
    `directions` are azimuth and elevation in degrees. Raises InputError as `render_views` does.
    """
    asset, points = at_one_metre(asset)
    cameras = [orbit(points, azimuth, elevation, FOV, MARGIN) for azimuth, elevation in directions]
    views = render_views(asset, cameras, side * FINER)
    pictures = np.empty((len(cameras), side, side, 3), np.uint8)
    sketches = np.empty((len(cameras), side, side), np.uint8)
    lamp = np.array(light.lamp) / np.linalg.norm(light.lamp)
    for k, camera in enumerate(cameras):
        axes = camera.axes()
        _light(views.normals[k], views.albedo[k], lamp @ axes, axes[2], light.ambient, BACKGROUND, FINER, pictures[k])
        _sketch(views.faces[k], views.normals[k], views.albedo[k], views.depth[k], FINER, sketches[k])
    return pictures, sketches


@njit(cache=True, nogil=True)
def _light(
    normals: F32, albedo: U8, lamp: F64, back: F64, ambient: float, background: float, finer: int, out: U8
) -> None:
    """Albedo under the lamp over the background, the mean of finer × finer samples a pixel."""
    share = 1.0 / (finer * finer)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            red = green = blue = 0.0
            for y in range(row * finer, row * finer + finer):
                for x in range(column * finer, column * finer + finer):
                    nx, ny, nz = float(normals[y, x, 0]), float(normals[y, x, 1]), float(normals[y, x, 2])
                    cosine = nx * lamp[0] + ny * lamp[1] + nz * lamp[2]
                    if nx * back[0] + ny * back[1] + nz * back[2] < 0.0:
                        cosine = -cosine  # seen from behind, lit as its front is
                    opacity = albedo[y, x, 3] / 255.0
                    lit = (ambient + (1.0 - ambient) * max(cosine, 0.0)) * opacity
                    through = background * (1.0 - opacity)
                    red += albedo[y, x, 0] * lit + through
                    green += albedo[y, x, 1] * lit + through
                    blue += albedo[y, x, 2] * lit + through
            out[row, column, 0] = np.uint8(red * share + 0.5)
            out[row, column, 1] = np.uint8(green * share + 0.5)
            out[row, column, 2] = np.uint8(blue * share + 0.5)


@njit(cache=True, nogil=True)
def _sketch(faces: I32, normals: F32, albedo: U8, depth: F32, finer: int, out: U8) -> None:
    """A pixel is black where as many of its samples as lie along its side differ from the next to the right or below.

    So a straight line between samples is one pixel wide, whichever pixel it falls into.
    """
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            count = 0
            for y in range(row * finer, row * finer + finer):
                for x in range(column * finer, column * finer + finer):
                    face, line = faces[y, x], False  # most neighbours lie on one face, or show the background both
                    if x + 1 < faces.shape[1] and faces[y, x + 1] != face:
                        line = _differ(normals, albedo, depth, y, x, 0, 1)
                    if not line and y + 1 < faces.shape[0] and faces[y + 1, x] != face:
                        line = _differ(normals, albedo, depth, y, x, 1, 0)
                    count += line
            out[row, column] = 255 - 255 * min(count, finer) // finer


@njit(cache=True, nogil=True)
def _differ(normals: F32, albedo: U8, depth: F32, y: int, x: int, down: int, right: int) -> bool:
    """Whether a line runs between a sample and the next one down or right."""
    v, u = y + down, x + right
    here, there = depth[y, x], depth[v, u]
    if not np.isfinite(here) or not np.isfinite(there):
        return bool(np.isfinite(here) != np.isfinite(there))
    dot = np.float32(0.0)
    for axis in range(3):
        dot += normals[y, x, axis] * normals[v, u, axis]
    if dot < CREASE:
        return True
    for channel in range(3):
        if abs(np.int32(albedo[y, x, channel]) - np.int32(albedo[v, u, channel])) > TINT:
            return True
    gap = abs(there - here)
    if gap < STEP:
        return False
    slope = np.float32(0.0)
    if y >= down and x >= right and np.isfinite(depth[y - down, x - right]):
        slope = abs(here - depth[y - down, x - right])
    if v + down < depth.shape[0] and u + right < depth.shape[1] and np.isfinite(depth[v + down, u + right]):
        slope = max(slope, abs(there - depth[v + down, u + right]))
    return bool(gap > STEEP * slope)
