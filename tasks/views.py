"""Curation views: normals, depth, albedo and face indices of an asset from many cameras, one pass over it for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log2

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32, U8, Asset, InputError, Material
from tasks.camera import Camera
from tasks.raster import rasterise
from tasks.scene import LINEAR_TO_SRGB, NO_ALPHA, alpha_test, face_ranges, make_scene, stacked
from tasks.shading import BLENDED, MAP_COLOR, Scene, base_color, perspective_weights, unit
from tasks.topology import F64

WHOLE = np.float32(-24.0)  # texel density at which every mip level of a map is kept: which one shows is found per pixel


@dataclass(frozen=True)
class Views:
    """k pictures of h × w pixels, row 0 at the top, one sample in the middle of each pixel."""

    normals: F32  # (k, h, w, 3) unit shading normals in the asset's frame, not turned to the camera; 0 where nothing is
    depth: F32  # (k, h, w) metres along the view axis; inf where nothing is
    albedo: U8  # (k, h, w, 4) sRGB with straight alpha, unlit; 0 where nothing is
    faces: I32  # (k, h, w) face in Asset.merged's order; −1 where nothing is

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """(k, h, w) where something is."""
        return self.faces >= 0


def render_views(asset: Asset, cameras: Sequence[Camera], size: int | tuple[int, int] = 256) -> Views:
    """What each camera sees of `asset` at `size` pixels (side, or width and height).

    Albedo is factor × vertex colour × texture, as in `render` but unlit; alpha MASK cuts out, and the nearest BLEND
    surface counts as solid with its alpha in the albedo. Both sides of every face are drawn; a face that reaches behind
    a perspective camera is left out. The same bytes everywhere. Raises InputError `mesh.no-faces`, `mesh.not-finite`,
    `mesh.bad-index`, and `image.*` for a colour map that cannot be decoded.
    """
    width, height = (size, size) if isinstance(size, int) else size
    scene = _unlit_scene(asset)
    spans = [(*span, *alpha_test(part)) for part, span in zip(asset.parts, face_ranges(asset), strict=True)]
    shape = (len(cameras), height, width)
    normals, albedo = np.zeros((*shape, 3), np.float32), np.zeros((*shape, 4), np.uint8)
    depth, faces = np.full(shape, -np.inf, np.float32), np.full(shape, -1, np.int32)
    screen = np.empty((len(scene.positions), 4))
    for k, camera in enumerate(cameras):
        project(scene.positions, *_lens(camera, width, height), screen)
        for first, last, alpha, cutoff in spans:
            rasterise(screen, scene.faces, first, last, scene.uv, alpha, cutoff, NO_ALPHA, depth[k], faces[k])
        _resolve(scene, screen, camera.fov > 0.0, LINEAR_TO_SRGB, faces[k], depth[k], normals[k], albedo[k])
    return Views(normals, depth, albedo, faces)


def _unlit_scene(asset: Asset) -> Scene:
    """The scene with base-colour maps only."""
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the mesh has no faces to draw")
    vertices, faces, owner = asset.merged()
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise InputError("mesh.bad-index", f"face indices outside {len(vertices)} vertices")
    if not np.isfinite(vertices).all():
        raise InputError("mesh.not-finite", "vertices are NaN or infinite")
    plain = replace(asset, parts=tuple(replace(part, material=_plain(part.material)) for part in asset.parts))
    density = np.full(len(faces), WHOLE, np.float32)
    return make_scene(plain, (vertices, faces, owner), stacked(asset, "uv", 2, 0.0), density, np.zeros(4))


def _plain(material: Material) -> Material:
    return Material(
        base_color=material.base_color,
        base_color_texture=material.base_color_texture,
        alpha_mode=material.alpha_mode,
        alpha_cutoff=material.alpha_cutoff,
    )


def _lens(camera: Camera, width: int, height: int) -> tuple[F64, F64, float, float, float, bool]:
    """What `project` reads of a camera: eye, axes, centre in pixels, pixels a metre (at depth 1), and perspective."""
    perspective = camera.fov > 0.0
    zoom = 0.5 * height / np.tan(np.radians(camera.fov) / 2.0) if perspective else height / camera.extent
    return np.array(camera.eye), camera.axes(), 0.5 * width, 0.5 * height, float(zoom), perspective


@njit(cache=True, nogil=True, error_model="numpy")
def project(
    positions: F32, eye: F64, axes: F64, middle_x: float, middle_y: float, zoom: float, perspective: bool, screen: F64
) -> None:
    """Camera.project as a kernel: its dozen temporary arrays cost twenty times as much on a dense mesh."""
    for i in range(len(positions)):
        x, y, z = positions[i, 0] - eye[0], positions[i, 1] - eye[1], positions[i, 2] - eye[2]
        depth = -(axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z)
        weight = 1.0
        if perspective:
            weight = 1.0 / depth if depth > 1e-9 else np.nan
        scale = weight * zoom
        screen[i, 0] = middle_x + (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z) * scale
        screen[i, 1] = middle_y - (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z) * scale
        screen[i, 2] = weight if perspective else -depth
        screen[i, 3] = weight


@njit(cache=True, nogil=True, error_model="numpy")
def _resolve(
    scene: Scene, screen: F64, perspective: bool, encode: U8, hit: I32, depth: F32, normals: F32, albedo: U8
) -> None:
    """Turn face indices and nearness (h, w) into depth, normals and albedo, in place."""
    top = len(encode) - 1
    for y in range(hit.shape[0]):
        for x in range(hit.shape[1]):
            f = hit[y, x]
            if f < 0:
                depth[y, x] = np.inf
                continue
            depth[y, x] = np.float32(1.0) / depth[y, x] if perspective else -depth[y, x]
            a, b, c = perspective_weights(scene, screen, f, x + 0.5, y + 0.5)
            n = scene.normals[f]
            nx, ny, nz = unit(
                a * n[0, 0] + b * n[1, 0] + c * n[2, 0],
                a * n[0, 1] + b * n[1, 1] + c * n[2, 1],
                a * n[0, 2] + b * n[1, 2] + c * n[2, 2],
            )
            normals[y, x, 0], normals[y, x, 1], normals[y, x, 2] = nx, ny, nz
            i, j, k = scene.faces[f, 0], scene.faces[f, 1], scene.faces[f, 2]
            u = a * scene.uv[i, 0] + b * scene.uv[j, 0] + c * scene.uv[k, 0]
            v = a * scene.uv[i, 1] + b * scene.uv[j, 1] + c * scene.uv[k, 1]
            density = 0.0
            if scene.maps[scene.owner[f], MAP_COLOR, 1]:
                density = _density(scene, screen, i, j, k)
            red, green, blue, alpha = base_color(scene, f, a, b, c, u, v, density)
            albedo[y, x, 0] = encode[int(min(max(red, 0.0), 1.0) * top + 0.5)]
            albedo[y, x, 1] = encode[int(min(max(green, 0.0), 1.0) * top + 0.5)]
            albedo[y, x, 2] = encode[int(min(max(blue, 0.0), 1.0) * top + 0.5)]
            blended = scene.materials[scene.owner[f], BLENDED] != 0.0
            albedo[y, x, 3] = int(min(max(alpha, 0.0), 1.0) * 255.0 + 0.5) if blended else 255


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _density(scene: Scene, screen: F64, i: int, j: int, k: int) -> float:
    """½·log2 of a face's area in uv over that in pixels."""
    bx, by = screen[j, 0] - screen[i, 0], screen[j, 1] - screen[i, 1]
    cx, cy = screen[k, 0] - screen[i, 0], screen[k, 1] - screen[i, 1]
    du, dv = scene.uv[j, 0] - scene.uv[i, 0], scene.uv[j, 1] - scene.uv[i, 1]
    eu, ev = scene.uv[k, 0] - scene.uv[i, 0], scene.uv[k, 1] - scene.uv[i, 1]
    return 0.5 * log2(min(max(abs(du * ev - eu * dv) / max(abs(bx * cy - cx * by), 1e-6), 1e-14), 1.0))
