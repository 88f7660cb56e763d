"""The floor under an object in a picture: where it would be in shadow, without drawing a floor."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from tasks.camera import Camera
from tasks.shading import Studio, sky_visibility, visibility

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

KEY_SHARE = 0.28  # of the floor's light that comes from the key light; the sky gives the rest
STEP = 2  # the floor is evaluated at every second pixel: its shadows are soft


def floor_shadow(camera: Camera, studio: Studio, height: float, width_px: int, height_px: int) -> F32:
    """(height_px, width_px) darkness, 0 = lit to 1 = black, of the floor plane y = `height` as `camera` sees it."""
    small = np.zeros((2, -(-height_px // STEP), -(-width_px // STEP)), dtype=np.float32)
    aspect = width_px / height_px
    half = np.tan(np.radians(camera.fov) / 2.0) if camera.fov > 0.0 else camera.extent / 2.0
    frame = np.array([*camera.axes().ravel(), *camera.eye, half, aspect, float(camera.fov > 0.0)])
    _catch(frame, studio, height, small)
    sharp = width_px / 512.0 / STEP
    dark = (1.0 - KEY_SHARE) * _softened(small[0], 9.0 * sharp) + KEY_SHARE * _softened(small[1], 3.5 * sharp)
    return np.ascontiguousarray(dark[:height_px, :width_px], dtype=np.float32)


def _softened(image: F32, sigma: float) -> F64:
    """(STEP·h, STEP·w) the image blurred by a Gaussian of `sigma` pixels and enlarged.

    A product with one matrix a side costs 7 ms at 256²; scipy's filters cost 8 and their import 170 in every process.
    """
    rows, columns = (_softening(size, sigma) for size in image.shape)
    softened: F64 = rows @ image @ columns.T
    return softened


def _softening(size: int, sigma: float) -> F64:
    """(STEP·size, size) weights: a Gaussian cut at 4 `sigma`, mirrored at the borders, then linear interpolation."""
    reach = int(4.0 * sigma + 0.5)
    offset = np.arange(-reach, reach + 1)
    weight = np.exp(-0.5 * (offset / sigma) ** 2)
    source = (np.arange(size)[:, None] + offset) % (2 * size)
    blur = np.zeros((size, size))
    np.add.at(blur, (np.arange(size)[:, None], np.minimum(source, 2 * size - 1 - source)), weight / weight.sum())
    place = np.clip((np.arange(STEP * size) + 0.5) / STEP - 0.5, 0.0, size - 1.0)
    low = np.minimum(place.astype(np.intp), max(size - 2, 0))
    share = (place - low)[:, None]
    weights: F64 = (1.0 - share) * blur[low] + share * blur[np.minimum(low + 1, size - 1)]
    return weights


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _catch(frame: F64, studio: Studio, height: float, out: F32) -> None:
    """Fill (2, h, w): how much of the sky and of the key light the floor misses.

    `frame` is right, up, back, eye, half height, aspect, perspective.
    """
    _, rows, columns = out.shape
    for y in range(rows):
        for x in range(columns):
            sx = (2.0 * (x + 0.5) / columns - 1.0) * frame[12] * frame[13]
            sy = (1.0 - 2.0 * (y + 0.5) / rows) * frame[12]
            ax = sx * frame[0] + sy * frame[3]
            ay = sx * frame[1] + sy * frame[4]
            az = sx * frame[2] + sy * frame[5]
            bend = frame[14]  # the pixel's offset turns a perspective ray and shifts an orthographic one
            dx, dy, dz = bend * ax - frame[6], bend * ay - frame[7], bend * az - frame[8]
            ex, ey, ez = frame[9] + (1 - bend) * ax, frame[10] + (1 - bend) * ay, frame[11] + (1 - bend) * az
            if dy > -1e-3:  # at or above the horizon
                continue
            t = (height - ey) / dy
            if t <= 0.0:
                continue
            px, pz = ex + t * dx, ez + t * dz
            out[0, y, x] = 1.0 - sky_visibility(studio, px, height, pz, 0.0, 1.0, 0.0)
            out[1, y, x] = 1.0 - visibility(studio.shadow, studio.shadow_pose, px, height, pz)
