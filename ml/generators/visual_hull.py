"""The `visual-hull` generator: silhouettes seen by known cameras carve a solid, the views colour it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import scipy  # ndimage loads on first use: its 0.2 CPU-s are not for processes that never see an image
from PIL import Image

from ml.asset import Asset, InputError, Material, decode_image, make_part
from ml.carving import carve
from ml.generators.protocol import InputKind, Refusal, Request
from ml.isosurface import zero_surface
from ml.normals import vertex_normals
from ml.silhouette import panes, photo_silhouette
from ml.sources import Source
from ml.srgb import to_linear
from ml.views import View, find_views

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

MIN_VIEWS, MAX_VIEWS = 3, 64
MAX_SIDE = 768  # pixels a view is reduced to: at 256 voxels a voxel is still 3 pixels
COARSE = 64  # nodes a side of the first carving, which finds where the object is


@dataclass(frozen=True)
class VisualHullOptions:
    """How finely space is carved."""

    resolution: int = field(default=80, metadata={"min": 32, "max": 256, "help": "voxels along the longest side"})
    smoothing: int = field(default=8, metadata={"min": 0, "max": 20, "help": "Taubin steps over the carved surface"})


@dataclass(frozen=True)
class Shot:
    """One view ready for carving."""

    view: View
    pixels: U8  # (h, w, 4)
    mask: Mask  # (h, w)
    distance: F32  # (h, w) signed distance to the silhouette in pixels, positive inside
    projection: F64  # (4, 4)
    focal: float


class VisualHull:
    """Views → solid. The seed is not used: there is one answer a set of views."""

    name: ClassVar[str] = "visual-hull"
    version: ClassVar[str] = "2"
    inputs: ClassVar[frozenset[InputKind]] = frozenset({"images"})
    uses_seed: ClassVar[bool] = False
    gpus: ClassVar[float] = 0.0

    def __init__(self, options: VisualHullOptions = VisualHullOptions()) -> None:
        self.options = options

    def generate(self, requests: Sequence[Request]) -> list[Asset | Refusal]:
        """One asset a request; raises InputError `images.*`, `image.*` or `input.*` for unusable views."""
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Asset:
        return visual_hull(read_shots(request.images, MAX_VIEWS, MAX_SIDE), self.options, request.id)


def read_shots(images: Sequence[Source], most: int, side: int) -> list[Shot]:
    """Pictures and cameras of MIN_VIEWS to `most` views, reduced to `side`; raises InputError `images.*`, `image.*`."""
    if not MIN_VIEWS <= len(images) <= most:
        code = "images.too-few" if len(images) < MIN_VIEWS else "images.too-many"
        raise InputError(code, f"{len(images)} views; it takes {MIN_VIEWS} to {most}")
    views = find_views(images)
    return [read_shot(decode_image(source.read()), view, side) for source, view in zip(images, views, strict=True)]


def visual_hull(shots: Sequence[Shot], options: VisualHullOptions, name: str = "asset") -> Asset:
    """The closed surface of everything that projects into every silhouette, with colours at its vertices.

    The field is the least signed silhouette distance over the views (Laurentini 1994, 'The visual hull concept'),
    interpolated to sub-voxel accuracy. World frame and scale are the cameras'. Raises InputError `images.empty-hull`.
    """
    low, high = hull_bounds(shots)
    step = float((high - low).max()) / options.resolution
    volume, low = _carved(shots, low - 2.5 * step, high + 2.5 * step, step)
    cells, faces = zero_surface(volume)
    vertices = _smoothed(cells, faces, options.smoothing) * step + low
    triangles = faces.astype(np.int32)
    normals = vertex_normals(vertices.astype(np.float32), triangles)
    colors = _colors(shots, vertices, normals.astype(np.float64), triangles, step)
    material = Material(name="views", base_color=(1.0, 1.0, 1.0, 1.0), roughness=0.7)
    part = make_part(vertices, triangles, material, name="hull", normals=normals, colors=colors)
    return Asset((part,), name=name).noted(views=str(len(shots)), voxel_m=f"{step:.6g}")


def read_shot(pixels: U8, view: View, side: int) -> Shot:
    """(h, w, 4) pixels, reduced to `side`, with their silhouette; raises InputError `image.*`."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=None)
    pixels = np.asarray(image)
    silhouette = photo_silhouette(pixels)
    mask = silhouette.mask | panes(pixels[..., 3]) if silhouette.found == "alpha" else silhouette.mask
    signed = scipy.ndimage.distance_transform_edt(mask) - scipy.ndimage.distance_transform_edt(~mask)
    signed -= np.sign(signed) * 0.5  # the edge lies between pixels
    height, width = mask.shape
    distance = scipy.ndimage.gaussian_filter(signed, 1.0).astype(np.float32)
    return Shot(view, pixels, mask, distance, view.projection(width, height), view.focal(width, height))


def hull_bounds(shots: Sequence[Shot]) -> tuple[F64, F64]:
    """Corners of the box around a coarse hull, searched where all views look; raises InputError `images.*`."""
    centre, radius = _common_space(shots)
    step = 2.0 * radius / COARSE
    start = centre - radius
    volume = _field(shots, start, np.full(3, COARSE + 1), step)
    inside = np.argwhere(volume > -step)  # nodes within a step of the hull: a thin hull slips between nodes
    if not len(inside):
        raise InputError("images.empty-hull", "no point in space lies inside every silhouette: check the cameras")
    return start + (inside.min(axis=0) - 1) * step, start + (inside.max(axis=0) + 1) * step


def _common_space(shots: Sequence[Shot]) -> tuple[F64, float]:
    """The point nearest to all optical axes and how far around it the widest view sees (at most 4 × the narrowest)."""
    normal, right = np.zeros((3, 3)), np.zeros(3)
    for shot in shots:
        axis = shot.view.pose[:3, 2]
        across = np.eye(3) - np.outer(axis, axis)
        normal += across
        right += across @ shot.view.pose[:3, 3]
    if np.linalg.cond(normal) > 1e6:
        raise InputError("images.cameras", "all cameras look in one direction: add views from the side")
    centre = np.linalg.solve(normal, right)
    reach = []
    for shot in shots:
        depth = float(np.dot(shot.view.pose[:3, 3] - centre, shot.view.pose[:3, 2]))
        scale = max(depth, 1e-6) if shot.view.angle_x > 0.0 else 1.0
        reach.append(0.5 * max(shot.distance.shape) / shot.focal * scale)
    return np.asarray(centre, dtype=np.float64), 1.05 * min(max(reach), 4.0 * min(reach))


def _field(shots: Sequence[Shot], low: F64, shape: I64, step: float) -> F32:
    volume = np.full(tuple(int(n) for n in shape), np.inf, dtype=np.float32)
    for shot in shots:
        carve(shot.distance, shot.projection, shot.focal, shot.view.angle_x > 0.0, low, step, volume)
    return volume


def _carved(shots: Sequence[Shot], low: F64, high: F64, step: float) -> tuple[F32, F64]:
    """The fine field without crumbs under 1 % of the largest piece, closed at the box."""
    volume = _field(shots, low, np.ceil((high - low) / step).astype(np.int64) + 1, step)
    labels, count = scipy.ndimage.label(volume > 0.0)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    if not sizes.any():
        raise InputError("images.empty-hull", "the silhouettes leave less than a voxel in common: check the cameras")
    crumbs = (sizes < 0.01 * sizes.max())[labels] & (labels > 0)
    volume[crumbs] = -0.5 * step
    for axis in range(3):
        np.moveaxis(volume, axis, 0)[[0, -1]] = -step
    return volume, low


def _neighbour_mean(values: F64, faces: I64) -> F64:
    heads, tails = faces.ravel(), faces[:, [1, 2, 0]].ravel()
    valence = np.maximum(np.bincount(heads, minlength=len(values)), 1)[:, None]
    return np.stack([np.bincount(heads, column[tails], len(values)) for column in values.T], axis=1) / valence


def _smoothed(points: F64, faces: I64, steps: int) -> F64:
    """Taubin smoothing (λ 0.5, μ −0.53), which evens out the lattice without shrinking the solid."""
    for weight in (0.5, -0.53) * steps:
        points = points + weight * (_neighbour_mean(points, faces) - points)
    return points


def _colors(shots: Sequence[Shot], vertices: F64, normals: F64, faces: I64 | npt.NDArray[np.int32], step: float) -> U8:
    """(n, 4) linear RGBA: the views blended by how squarely and how safely inside the silhouette each sees a vertex."""
    total, weights = np.zeros((len(vertices), 3)), np.zeros(len(vertices))
    homogeneous = np.column_stack([vertices, np.ones(len(vertices))])
    for shot in shots:
        x, y, depth, scale = shot.projection @ homogeneous.T
        x, y = x / scale, y / scale
        eye = shot.view.pose[:3, 3] - vertices if shot.view.angle_x > 0.0 else shot.view.pose[None, :3, 2]
        towards = eye / np.linalg.norm(eye, axis=1, keepdims=True)
        facing = np.clip(np.einsum("ij,ij->i", normals, np.broadcast_to(towards, vertices.shape)), 0.0, 1.0)
        seen = _visible(shot, x, y, depth, step)
        where = np.stack([y, x])
        margin = scipy.ndimage.map_coordinates(shot.distance, where, order=1, mode="nearest")
        weight = facing**6 * seen * np.clip((margin - 0.5) / 2.5, 1e-3, 1.0) + 1e-9 * facing
        linear = to_linear(np.arange(256) / 255.0)[shot.pixels[..., :3]]
        sampled = [scipy.ndimage.map_coordinates(linear[..., c], where, order=1, mode="nearest") for c in range(3)]
        total += weight[:, None] * np.stack(sampled, axis=1)
        weights += weight
    return _filled_colors(total, weights, faces)


def _visible(shot: Shot, x: F64, y: F64, depth: F64, step: float) -> Mask:
    """Whether nothing of the hull lies more than three voxels in front: a depth map of the vertices, voxel by voxel."""
    height, width = shot.distance.shape
    middle = float(np.median(depth)) if shot.view.angle_x > 0.0 else 1.0
    pixel = max(1.0, 1.6 * step * shot.focal / middle)  # wide enough that no texel falls between vertices
    columns, rows = int(width / pixel) + 1, int(height / pixel) + 1
    cell = np.clip((y / pixel).astype(np.int64), 0, rows - 1) * columns + np.clip(
        (x / pixel).astype(np.int64), 0, columns - 1
    )
    nearest = np.full(rows * columns, np.inf)
    np.minimum.at(nearest, cell, depth)
    return np.asarray(depth <= nearest[cell] + 3.0 * step)


def _filled_colors(total: F64, weights: F64, faces: I64 | npt.NDArray[np.int32]) -> U8:
    """Vertices no view sees well take their neighbours' colour, spread inward from what is seen."""
    known = weights > 1e-4
    color = np.where(known[:, None], total / np.maximum(weights, 1e-30)[:, None], 0.0)
    fallback = total / np.maximum(weights, 1e-30)[:, None] if not known.any() else color[known].mean(axis=0)
    share = known.astype(np.float64)
    index = faces.astype(np.int64)
    for _ in range(24):
        spread = _neighbour_mean(np.column_stack([color * share[:, None], share]), index)
        fresh = ~known & (spread[:, 3] > 1e-3)
        color = np.where(fresh[:, None], spread[:, :3] / np.maximum(spread[:, 3:], 1e-12), color)
        share = np.where(fresh, 1.0, share)
    color = np.where((share > 0.0)[:, None], color, fallback)
    rgb = (np.clip(color, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return np.column_stack([rgb, np.full(len(rgb), 255, dtype=np.uint8)])
