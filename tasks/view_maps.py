"""The pictures of a curation view as they are stored: 8-bit maps, 16-bit depth, and PBR values where a ray hit."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8
from tasks.camera import Camera
from tasks.source_samples import SourceSamples
from tasks.topology import F64
from tasks.views import Views, lens

Map = Literal["albedo", "normals", "depth", "mask", "orm", "shaded"]
DEEPEST = 65535


def depth_scale(depth: F32) -> float:
    """Metres a step of 16-bit depth: the farthest surface of all views gets the last; 1 where there is none."""
    seen = depth[np.isfinite(depth)]
    return float(seen.max()) / DEEPEST if len(seen) else 1.0


def depth_steps(depth: F32, scale: float) -> npt.NDArray[np.uint16]:
    """(h, w) depth along the view axis in steps of `scale`, 0 where nothing is."""
    hit = np.isfinite(depth)
    steps = np.rint(np.where(hit, depth, 0.0).astype(np.float64) / scale)
    return np.where(hit, np.clip(steps, 1, DEEPEST), 0).astype(np.uint16)


def normal_pixels(normals: F32, turn: F64) -> U8:
    """(h, w, 3) bytes of unit normals turned by (3, 3), −1 … 1 as 0 … 255; black where nothing is."""
    hit = np.asarray(normals.any(axis=-1))
    turned = sum(normals[..., k, None].astype(np.float64) * turn[:, k] for k in range(3))
    return np.where(hit[..., None], np.rint((turned + 1.0) * 127.5), 0.0).astype(np.uint8)


def orm_pixels(samples: SourceSamples, camera: Camera, depth: F32, faces: I32) -> U8:
    """(h, w, 3) occlusion, roughness and metallic as glTF packs them, of the face each pixel's middle shows."""
    pixels: U8 = np.zeros((*faces.shape, 3), np.uint8)
    row, column = np.nonzero(faces >= 0)
    if not len(row):
        return pixels
    places = _unprojected(camera, row, column, depth[row, column].astype(np.float64), *faces.shape)
    points, triangles, _ = samples.merged
    hits = samples.hits(faces[row, column], _barycentric(points[triangles[faces[row, column]]], places))
    pixels[row, column] = np.rint(np.clip(samples.surface(hits), 0.0, 1.0) * 255.0)
    return pixels


def _unprojected(camera: Camera, row: Any, column: Any, depth: F64, height: int, width: int) -> F64:
    """(n, 3) places that pixels' middles show at these depths."""
    eye, axes, middle_x, middle_y, zoom, _ = lens(camera, width, height)
    reach = (depth if camera.fov > 0.0 else np.ones_like(depth)) / zoom
    x, y = (column + 0.5 - middle_x) * reach, (middle_y - row - 0.5) * reach
    places: F64 = eye + x[:, None] * axes[0] + y[:, None] * axes[1] - depth[:, None] * axes[2]
    return places


def _barycentric(corners: F64, places: F64) -> F32:
    """(n, 3) weights of triangles' corners (n, 3, 3) at places on them, moved inside where rounding put them out."""
    to_b, to_c, to_p = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], places - corners[:, 0]
    normal = np.cross(to_b, to_c)
    square = np.maximum(np.einsum("ij,ij->i", normal, normal), 1e-300)
    b = np.einsum("ij,ij->i", np.cross(to_p, to_c), normal) / square
    c = np.einsum("ij,ij->i", np.cross(to_b, to_p), normal) / square
    weights = np.clip(np.stack([1.0 - b - c, b, c], axis=1), 0.0, None)
    shares: F32 = (weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)).astype(np.float32)
    return shares


def map_pixels(kind: Map, views: Views, index: int, scale: float, turn: F64) -> npt.NDArray[Any]:
    """Pixels of a map that the unlit views hold: albedo, normals, depth or mask."""
    if kind == "albedo":
        return np.asarray(views.albedo[index])
    if kind == "normals":
        return normal_pixels(views.normals[index], turn)
    if kind == "depth":
        return depth_steps(views.depth[index], scale)
    return np.where(views.mask[index], 255, 0).astype(np.uint8)
