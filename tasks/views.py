"""Curation views: normals, depth, albedo and face indices of an asset from many cameras, one pass over it for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log2, sqrt

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32, U8, Asset, InputError, Material
from tasks.camera import Camera
from tasks.raster import UINT, rasterise
from tasks.scene import CREASE_COSINE, LINEAR_TO_SRGB, NO_ALPHA, alpha_test, face_ranges, make_scene, stacked
from tasks.shading import BLENDED, MAP_COLOR, Scene, perspective_weights, sample_map, tinted
from tasks.topology import F64, face_cross

WHOLE = -24.0  # texel density at which every mip level of a map is kept: which one shows is found per pixel


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
    crease = np.array([CREASE_COSINE if part.normals is None else -2.0 for part in asset.parts])
    spans = [(*span, *alpha_test(part)) for part, span in zip(asset.parts, face_ranges(asset), strict=True)]
    shape = (len(cameras), height, width)
    normals, depth, albedo, faces = _buffers(shape)
    screen = np.empty((len(scene.positions), 4))
    for k, camera in enumerate(cameras):
        project(scene.positions, *lens(camera, width, height), screen)
        for first, last, alpha, cutoff in spans:
            rasterise(screen, scene.faces, first, last, scene.uv, alpha, cutoff, NO_ALPHA, depth[k], faces[k])
        _resolve(scene, crease, screen, camera.fov > 0.0, LINEAR_TO_SRGB, faces[k], depth[k], normals[k], albedo[k])
    return Views(normals, depth, albedo, faces)


def _buffers(shape: tuple[int, int, int]) -> tuple[F32, F32, U8, I32]:
    """Cleared normals, nearness, albedo and faces in one block of memory.

    The allocator keeps one freed block for the next call but returns four to the system, and getting them back costs
    a page fault every 4 kB: 0.5 ms a view.
    """
    block = np.zeros((6, *shape), np.float32)
    block[3] = -np.inf
    faces = block[5].view(np.int32)
    faces[...] = -1
    return block[:3].reshape(*shape, 3), block[3], block[4].view(np.uint8).reshape(*shape, 4), faces


def _unlit_scene(asset: Asset) -> Scene:
    """The scene with base-colour maps only; `normals` are the vertices' (n, 3), as _resolve reads them."""
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the mesh has no faces to draw")
    positions, faces, owner = _joined(asset)
    if faces.min() < 0 or faces.max() >= len(positions):
        raise InputError("mesh.bad-index", f"face indices outside {len(positions)} vertices")
    if not np.isfinite(positions).all():
        raise InputError("mesh.not-finite", "vertices are NaN or infinite")
    plain = replace(asset, parts=tuple(replace(part, material=_plain(part.material)) for part in asset.parts))
    normals = np.concatenate(
        [_vertex_normals(p.vertices, p.faces) if p.normals is None else p.normals for p in asset.parts]
    )
    finest = [WHOLE] * len(asset.parts)
    unused = np.zeros(0, np.float32)
    return make_scene(
        plain, (positions, faces, owner), normals, stacked(asset, "uv", 2, 0.0), unused, finest, np.zeros(4)
    )


def _joined(asset: Asset) -> tuple[F32, I32, I32]:
    """Asset.merged without its detour over float64, and without a copy of a single part."""
    if len(asset.parts) == 1:
        part = asset.parts[0]
        return part.vertices, part.faces, np.zeros(len(part.faces), np.int32)
    vertices, faces, owner = asset.merged()
    return vertices.astype(np.float32), faces, owner


def _plain(material: Material) -> Material:
    return Material(
        base_color=material.base_color,
        base_color_texture=material.base_color_texture,
        alpha_mode=material.alpha_mode,
        alpha_cutoff=material.alpha_cutoff,
    )


def lens(camera: Camera, width: int, height: int) -> tuple[F64, F64, float, float, float, float]:
    """What `project` reads: eye, axes, the picture's middle, pixels a metre (at depth 1), the nearest depth, 0 if none.

    That is 1e-9 of the way to the target, so that a scene of any scale is seen.
    """
    eye = np.array(camera.eye, dtype=np.float64)
    if camera.fov <= 0.0:
        return eye, camera.axes(), 0.5 * width, 0.5 * height, height / camera.extent, 0.0
    zoom = 0.5 * height / np.tan(np.radians(camera.fov) / 2.0)
    return eye, camera.axes(), 0.5 * width, 0.5 * height, float(zoom), 1e-9 * float(np.linalg.norm(eye - camera.target))


@njit(cache=True, nogil=True, error_model="numpy")
def project(
    positions: F32, eye: F64, axes: F64, middle_x: float, middle_y: float, zoom: float, nearest: float, screen: F64
) -> None:
    """Camera.project as a kernel: its dozen temporary arrays cost twenty times as much on a dense mesh."""
    for i in range(len(positions)):
        x, y, z = positions[i, 0] - eye[0], positions[i, 1] - eye[1], positions[i, 2] - eye[2]
        depth = -(axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z)
        weight = 1.0
        if nearest > 0.0:
            weight = 1.0 / depth if depth > nearest else np.nan
        scale = weight * zoom
        screen[i, 0] = middle_x + (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z) * scale
        screen[i, 1] = middle_y - (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z) * scale
        screen[i, 2] = weight if nearest > 0.0 else -depth
        screen[i, 3] = weight


@njit(cache=True, nogil=True, error_model="numpy")
def _vertex_normals(positions: F32, faces: I32) -> F32:
    """(n, 3) unit sums of the faces' normals weighted by area, as raster.creased_normals has them; zero unused."""
    points = positions.astype(np.float64)
    sums = np.zeros((len(points), 3))
    for f in range(len(faces)):
        x, y, z = face_cross(points, faces[f, 0], faces[f, 1], faces[f, 2])
        for corner in range(3):
            sums[faces[f, corner], 0] += x
            sums[faces[f, corner], 1] += y
            sums[faces[f, corner], 2] += z
    normals = np.empty((len(points), 3), np.float32)
    for v in range(len(points)):
        x, y, z = _direction(sums[v, 0], sums[v, 1], sums[v, 2])
        normals[v, 0], normals[v, 1], normals[v, 2] = x, y, z
    return normals


@njit(cache=True, nogil=True, error_model="numpy")
def _resolve(
    scene: Scene, crease: F64, screen: F64, pinhole: bool, encode: U8, hit: I32, depth: F32, normals: F32, albedo: U8
) -> None:
    """Turn face indices and nearness (h, w) into depth, normals and albedo, in place.

    `crease` (k,) is the cosine of each part below which a corner shows its face's normal. Fields of the scene are
    taken out before the loop: reading them inside counts references, 3× the time of all the rest.
    """
    faces, owner, positions, smooth = scene.faces, scene.owner, scene.positions, scene.normals
    colors, factors, uv, textured = scene.colors, scene.materials, scene.uv, scene.maps[:, MAP_COLOR, 1]
    top = len(encode) - 1
    for row in range(hit.shape[0]):
        for column in range(hit.shape[1]):
            y, x = UINT(row), UINT(column)
            g = hit[y, x]
            if g < 0:
                depth[y, x] = np.inf
                continue
            depth[y, x] = np.float32(1.0) / depth[y, x] if pinhole else -depth[y, x]
            m, f = UINT(owner[UINT(g)]), UINT(g)
            i, j, k = UINT(faces[f, 0]), UINT(faces[f, 1]), UINT(faces[f, 2])
            a, b, c = perspective_weights(faces, screen, f, column + 0.5, row + 0.5)
            nx, ny, nz = _normal(positions, smooth, crease[m], i, j, k, a, b, c)
            normals[y, x, 0], normals[y, x, 1], normals[y, x, 2] = nx, ny, nz
            red, green, blue, alpha = tinted(factors, colors, m, i, j, k, a, b, c)
            if textured[m]:
                u, v = a * uv[i, 0] + b * uv[j, 0] + c * uv[k, 0], a * uv[i, 1] + b * uv[j, 1] + c * uv[k, 1]
                dense = density(uv, screen, i, j, k)
                tr, tg, tb, ta = sample_map(scene, m, MAP_COLOR, u, v, dense, True)
                red, green, blue, alpha = red * tr, green * tg, blue * tb, alpha * ta
            albedo[y, x, 0] = encode[int(min(max(red, 0.0), 1.0) * top + 0.5)]
            albedo[y, x, 1] = encode[int(min(max(green, 0.0), 1.0) * top + 0.5)]
            albedo[y, x, 2] = encode[int(min(max(blue, 0.0), 1.0) * top + 0.5)]
            opaque = factors[m, BLENDED] == 0.0
            albedo[y, x, 3] = 255 if opaque else int(min(max(alpha, 0.0), 1.0) * 255.0 + 0.5)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _normal(
    positions: F32, smooth: F32, crease: float, i: int, j: int, k: int, a: float, b: float, c: float
) -> tuple[float, float, float]:
    """Unit shading normal at corner weights; a corner whose vertex normal lies beyond the crease shows the face's."""
    ax, ay, az = np.float64(positions[i, 0]), np.float64(positions[i, 1]), np.float64(positions[i, 2])
    ux, uy, uz = positions[j, 0] - ax, positions[j, 1] - ay, positions[j, 2] - az
    vx, vy, vz = positions[k, 0] - ax, positions[k, 1] - ay, positions[k, 2] - az
    fx, fy, fz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    length = sqrt(fx * fx + fy * fy + fz * fz)
    nx = ny = nz = 0.0
    for corner in range(3):
        v, weight = (i, a) if corner == 0 else (j, b) if corner == 1 else (k, c)
        sx, sy, sz = float(smooth[v, 0]), float(smooth[v, 1]), float(smooth[v, 2])
        if sx * fx + sy * fy + sz * fz < crease * length:
            scale = 1.0 / length
            sx, sy, sz = fx * scale, fy * scale, fz * scale
        nx, ny, nz = nx + weight * sx, ny + weight * sy, nz + weight * sz
    x, y, z = _direction(nx, ny, nz)
    return x, y, z


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _direction(x: float, y: float, z: float) -> tuple[float, float, float]:
    """A vector of any length at unit length, zero when it is."""
    squared = x * x + y * y + z * z
    scale = 1.0 / sqrt(squared) if squared > 0.0 else 0.0
    return x * scale, y * scale, z * scale


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def density(uv: F32, screen: F64, i: int, j: int, k: int) -> float:
    """½·log2 of a face's area in uv over that in pixels."""
    bx, by = screen[j, 0] - screen[i, 0], screen[j, 1] - screen[i, 1]
    cx, cy = screen[k, 0] - screen[i, 0], screen[k, 1] - screen[i, 1]
    du, dv, eu, ev = uv[j, 0] - uv[i, 0], uv[j, 1] - uv[i, 1], uv[k, 0] - uv[i, 0], uv[k, 1] - uv[i, 1]
    return 0.5 * log2(min(max(abs(du * ev - eu * dv) / max(abs(bx * cy - cx * by), 1e-6), 1e-14), 1.0))
