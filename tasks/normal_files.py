"""Normal maps read from a folder of pictures with cameras, as the `views` export and NeRF's scenes lay it out."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from ml.asset import F32, InputError, decode_image
from ml.sources import Source
from tasks.camera import Camera
from tasks.normal_maps import NormalMaps
from tasks.topology import F64

SIDECAR = "transforms.json"
BLENDER: F64 = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # metres, Y up, to a world with Z up
MAX_VIEWS, MIN_SIZE, MAX_SIZE = 256, 32, 1024


def read_normal_maps(folder: str) -> NormalMaps:
    """The maps that `transforms.json` in a folder (or under an fsspec URL) names, in the asset's frame.

    Each frame has `normals_path`, `transform_matrix` (camera to world, looking along −Z) and `camera_angle_x` in
    radians or `ortho_scale`; the world has Z up, and `applied_transform` (3, 4) takes the asset's metres there, as
    `export_views` writes them. Pictures are square, −1 … 1 as 0 … 255 in world axes, black where nothing is. Raises
    InputError `input.*`, `image.*` and `normals.bad-cameras`, `normals.bad-size`.
    """
    root = folder.rstrip("/")
    document = Source(f"{root}/{SIDECAR}", root)
    try:
        content = json.loads(document.read())
        inverse = _inverse(np.array(content.get("applied_transform", np.eye(3, 4, dtype=float)), np.float64), content)
        frames = content["frames"]
        if not 1 <= len(frames) <= MAX_VIEWS:
            raise InputError("normals.bad-cameras", f"{len(frames)} frames; 1 to {MAX_VIEWS} can be used")
        cameras = tuple(_camera({**content, **frame}, inverse) for frame in frames)
        files = [document.sibling(frame["normals_path"]) for frame in frames]
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("normals.bad-cameras", f"{SIDECAR} names no normal maps with cameras: {error!r}") from error
    return NormalMaps(cameras, _stacked([_decoded(file, inverse[:, :3]) for file in files]))


def _inverse(applied: F64, content: dict[str, Any]) -> F64:
    """(3, 4) from the world to the asset's metres."""
    matrix = applied if "applied_transform" in content else np.column_stack([BLENDER, np.zeros(3)])
    if matrix.shape != (3, 4) or not np.isfinite(matrix).all():
        raise InputError("normals.bad-cameras", "applied_transform is not 3×4 numbers")
    scale = float(np.cbrt(np.linalg.det(matrix[:, :3])))
    if not scale > 1e-12 or not np.allclose(
        matrix[:, :3] @ matrix[:, :3].T, scale**2 * np.eye(3), atol=1e-3 * scale**2
    ):
        raise InputError("normals.bad-cameras", "applied_transform is not a turn, a scale and a shift")
    turn = np.linalg.inv(matrix[:, :3])
    return np.column_stack([turn, -turn @ matrix[:, 3]])


def _camera(frame: dict[str, Any], inverse: F64) -> Camera:
    pose = np.array(frame["transform_matrix"], np.float64)
    rotation = pose[:3, :3] if pose.shape == (4, 4) else np.zeros((3, 3))
    if not np.isfinite(pose).all() or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3):
        raise InputError("normals.bad-cameras", "a transform_matrix is not a rigid 4×4 matrix")
    scale = float(np.cbrt(np.linalg.det(inverse[:, :3])))
    eye = inverse[:, :3] @ pose[:3, 3] + inverse[:, 3]
    target, up = eye - inverse[:, :3] @ rotation[:, 2], inverse[:, :3] @ rotation[:, 1]
    places = [(float(x), float(y), float(z)) for x, y, z in (eye, target, up)]
    if "ortho_scale" in frame:
        return Camera(places[0], places[1], places[2], 0.0, _within(frame, "ortho_scale", 1e-9, 1e9) * scale)
    return Camera(places[0], places[1], places[2], math.degrees(_within(frame, "camera_angle_x", 1e-3, 3.1)))


def _within(frame: dict[str, Any], key: str, low: float, high: float) -> float:
    value = float(frame[key])
    if not low <= value <= high:
        raise InputError("normals.bad-cameras", f"{key} is {value}; it has to be {low:g} to {high:g}")
    return value


def _decoded(file: Source, turn: F64) -> F32:
    """(h, h, 4) normals turned into the asset's frame, and coverage."""
    pixels = decode_image(file.read())
    height, width = pixels.shape[:2]
    if height != width or height % 4 or not MIN_SIZE <= height <= MAX_SIZE:
        raise InputError(
            "normals.bad-size", f"{width}×{height} pixels; a square of {MIN_SIZE} to {MAX_SIZE}, by fours, is needed"
        )
    covered = pixels[..., :3].any(axis=-1) & (pixels[..., 3] > 127)
    normals = (pixels[..., :3].astype(np.float64) / 127.5 - 1.0) @ turn.T
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    return np.where(covered[..., None], np.concatenate([normals, covered[..., None]], axis=-1), 0.0).astype(np.float32)


def _stacked(pictures: list[F32]) -> F32:
    if len({picture.shape for picture in pictures}) > 1:
        raise InputError("normals.bad-size", "the maps are not all of one size")
    return np.stack(pictures)
