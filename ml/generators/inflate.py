"""The `inflate` generator: one picture or drawing becomes a rounded closed solid that wears the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import scipy  # ndimage loads on first use: its 0.2 CPU-s are not for processes that never see an image
from PIL import Image

from ml.asset import Asset, InputError, Material, Texture, decode_image, make_part
from ml.generators.protocol import InputKind, Refusal, Request
from ml.normals import vertex_normals
from ml.poisson import NEAREST, solve_dome
from ml.silhouette import Silhouette, photo_silhouette, sketch_silhouette

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

MAX_SIDE = 1024  # pixels a picture is reduced to before anything else: more shows on no silhouette
CLAY = (198, 184, 168)  # sRGB of a drawing's body
INK = (52, 46, 42)
EVENING_STEPS = 6
FRINGE = 3  # pixels inside the silhouette whose colour is mixed with the background's


@dataclass(frozen=True)
class InflateOptions:
    """How a silhouette is inflated."""

    resolution: int = field(default=160, metadata={"min": 48, "max": 512, "help": "cells along the longer side"})
    depth: float = field(default=0.85, metadata={"min": 0.05, "max": 2.0, "help": "1 makes a disc a sphere"})
    back: Literal["mirror", "flat"] = "mirror"


class Inflate:
    """Silhouette → solid. The seed is not used: there is one answer a picture."""

    name: ClassVar[str] = "inflate"
    version: ClassVar[str] = "1"
    inputs: ClassVar[frozenset[InputKind]] = frozenset({"image", "sketch"})
    uses_seed: ClassVar[bool] = False
    gpus: ClassVar[float] = 0.0

    def __init__(self, options: InflateOptions = InflateOptions()) -> None:
        self.options = options

    def generate(self, requests: Sequence[Request]) -> list[Asset | Refusal]:
        """One asset a request; raises InputError `image.*`, `sketch.*` or `input.*` for an unusable picture."""
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Asset:
        source = request.image or request.sketch
        if source is None:
            raise InputError("input.missing", "inflate needs an image or a sketch")
        pixels = _reduced(decode_image(source.read()))
        if request.image is not None:
            return inflate(pixels, photo_silhouette(pixels), self.options, request.id)
        return inflate(pixels, sketch_silhouette(pixels), self.options, request.id)


def inflate(pixels: U8, silhouette: Silhouette, options: InflateOptions, name: str = "asset") -> Asset:
    """A closed 2-manifold, 1 m high, standing on y = 0, front +Z, from (h, w, 4) pixels and their silhouette.

    The height over the silhouette is √u with ∆u = −4: a disc becomes a sphere, limbs become tubes, and the rim is
    round everywhere (the inflation of Sýkora et al. 2014, 'Ink-and-Ray', in the spirit of Teddy, Igarashi et al.
    1999). Front and back share the vertices on the silhouette's sub-pixel contour; holes stay holes.
    """
    grid, origin, cell = _field(silhouette.mask, options.resolution)
    points, faces, contour = _sheet(grid)
    inside = np.flatnonzero(grid.ravel() > 0.5)
    dome = np.zeros(len(points))
    dome[: len(inside)] = solve_dome(grid).ravel()[inside]
    points, dome = _evened(points, faces, dome, len(inside))
    height = np.sqrt(dome) * options.depth
    back_height = -height if options.back == "mirror" else np.zeros_like(height)
    # Back copies exist for inside nodes only; the contour's vertices belong to both sheets.
    to_back = np.concatenate([np.arange(len(inside)) + len(points), contour])
    xy = np.concatenate([points, points[: len(inside)]])
    z = np.concatenate([height, back_height[: len(inside)]])
    all_faces = np.concatenate([faces, to_back[faces][:, ::-1]])
    texture, uv = _texture(pixels, silhouette, xy * cell + origin)
    vertices = _smoothed(np.column_stack([xy[:, 0], -xy[:, 1], z]), all_faces)
    vertices -= [np.mean([vertices[:, 0].min(), vertices[:, 0].max()]), vertices[:, 1].min(), 0.0]
    vertices = (vertices / vertices[:, 1].max()).astype(np.float32)
    triangles = all_faces.astype(np.int32)
    material = Material(name="picture", roughness=0.65, base_color=(1.0, 1.0, 1.0, 1.0), base_color_texture=texture)
    normals = vertex_normals(vertices, triangles)
    part = make_part(vertices, triangles, material, name="body", uv=uv.astype(np.float32), normals=normals)
    notes: dict[str, str] = {"silhouette": silhouette.found}
    if silhouette.dropped:
        notes["specks_dropped"] = str(silhouette.dropped)
    return Asset((part,), name=name).noted(**notes)


def _reduced(pixels: U8) -> U8:
    image = Image.fromarray(pixels)
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX, reducing_gap=None)
    return np.asarray(image)


def _field(mask: Mask, resolution: int) -> tuple[F64, F64, float]:
    """(rows, columns) smooth occupancy, 0.5 on the silhouette's contour; the pixel of node (0, 0); and pixels a cell.

    Each cell is Gaussian-blurred by 0.9 of its size: that turns the pixels' stairs into a smooth contour and is the
    low-pass that sampling needs.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    cell = side / resolution
    pad = int(np.ceil(3.0 * cell)) + 2
    origin = np.array([columns[0] - 2.0 * cell, rows[0] - 2.0 * cell])
    count = [int(np.ceil((np.ptp(r) + 1) / cell)) + 5 for r in (rows, columns)]
    soft = scipy.ndimage.gaussian_filter(np.pad(mask, pad).astype(np.float64), max(0.9 * cell, 1.0))
    y = origin[1] + np.arange(count[0]) * cell + pad - 0.5
    x = origin[0] + np.arange(count[1]) * cell + pad - 0.5
    grid = scipy.ndimage.map_coordinates(soft, np.meshgrid(y, x, indexing="ij"), order=1, mode="constant")
    grid[0] = grid[-1] = 0.0
    grid[:, 0] = grid[:, -1] = 0.0
    if not (grid > 0.5).any():
        raise InputError("image.no-silhouette", f"every part of the object is thinner than {cell:.1f} pixels")
    return grid, origin, cell


def _sheet(grid: F64) -> tuple[F64, I64, I64]:
    """The part of the grid inside the 0.5 contour as triangles: points (n, 2) as x and y in cells, faces (m, 3), and
    the indices of the contour's points, which follow those of the inside nodes.

    Marching triangles: each cell is two triangles, so there are no ambiguous cases and the sheet is a manifold with
    boundary. Every inner edge has an inside node at one end, which keeps the front and the back apart.
    """
    rows, columns = grid.shape
    node = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (n.ravel() for n in (node[:-1, :-1], node[:-1, 1:], node[1:, :-1], node[1:, 1:]))
    triangles = np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)])
    inside = grid.ravel() > 0.5
    kinds = inside[triangles].sum(axis=1)
    whole = triangles[kinds == 3]
    one = _rotated(triangles[kinds == 1], inside, True)
    two = _rotated(triangles[kinds == 2], inside, False)
    # `one` leads with its inside node, `two` with its outside node; each has two crossed edges.
    crossed = np.concatenate([one[:, [0, 1]], one[:, [0, 2]], two[:, [1, 0]], two[:, [2, 0]]])
    edges, which = np.unique(crossed[:, 0] * (rows * columns) + crossed[:, 1], return_inverse=True)
    start, end = edges // (rows * columns), edges % (rows * columns)
    level = grid.ravel()
    share = np.clip((level[start] - 0.5) / (level[start] - level[end]), NEAREST, 1.0 - NEAREST)[:, None]
    position = np.stack([node.ravel() % columns, node.ravel() // columns], axis=1).astype(np.float64)
    number = np.cumsum(inside) - 1
    count = int(inside.sum())
    contour = position[start] * (1.0 - share) + position[end] * share
    p, q, r, s = np.split(which.ravel() + count, np.cumsum([len(one), len(one), len(two)]))
    n1, n2 = number[two[:, 1]], number[two[:, 2]]
    faces = np.concatenate(
        [
            number[whole],
            np.stack([number[one[:, 0]], p, q], axis=1),
            np.stack([n1, n2, s], axis=1),
            np.stack([n1, s, r], axis=1),
        ]
    )
    return np.concatenate([position[inside], contour]), faces, np.arange(len(contour)) + count


def _evened(points: F64, faces: I64, dome: F64, inside: int) -> tuple[F64, F64]:
    """The sheet with its inside nodes evened out between the fixed contour and the grid, and the dome there.

    Near the rim √u is so steep that a first row of nodes at uneven distances shows as ribs. u itself is smooth, so its
    gradient carries it to the moved nodes with an error of 2·δ² against about 2·R·δ.
    """
    moved = points.copy()
    for _ in range(EVENING_STEPS):
        moved[:inside] += 0.5 * (_neighbour_mean(moved, faces)[:inside] - moved[:inside])
    a, b, c = (points[faces[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    ua, ub, uc = (dome[faces[:, k]] for k in range(3))
    slopes = (
        ua * (b[:, 1] - c[:, 1]) + ub * (c[:, 1] - a[:, 1]) + uc * (a[:, 1] - b[:, 1]),
        ua * (c[:, 0] - b[:, 0]) + ub * (a[:, 0] - c[:, 0]) + uc * (b[:, 0] - a[:, 0]),
    )
    around = np.bincount(faces.ravel(), np.repeat(area, 3), len(points))
    gradient = np.stack([np.bincount(faces.ravel(), np.repeat(s, 3), len(points)) / around for s in slopes], axis=1)
    carried = dome + np.einsum("ij,ij->i", gradient, moved - points)
    carried[:inside] = np.maximum(carried[:inside], np.maximum(0.1 * dome[:inside], 1e-3))
    carried[inside:] = 0.0
    return _drawn_to_rim(moved, carried, gradient)


def _drawn_to_rim(points: F64, dome: F64, gradient: F64) -> tuple[F64, F64]:
    """The nodes less than D from the rim moved from distance d to d²/D, so that √u rises by equal steps there.

    D is 8 cells but at most half the local radius, which |∇u|/2 tells.
    """
    steep = np.maximum(np.linalg.norm(gradient, axis=1), 1e-9)
    distance = dome / steep
    reach = np.minimum(8.0, steep / 4.0)
    shift = np.where(distance < reach, distance - distance**2 / np.maximum(reach, 1e-9), 0.0)
    lower = np.maximum(dome - steep * shift - 1.5 * shift**2, np.minimum(dome, 1e-3))
    return points - gradient / steep[:, None] * shift[:, None], lower


def _neighbour_mean(points: F64, faces: I64) -> F64:
    """Each vertex's mean neighbour, an edge counted once a face."""
    heads = np.concatenate([faces.ravel(), faces[:, [1, 2, 0]].ravel()])
    tails = np.concatenate([faces[:, [1, 2, 0]].ravel(), faces.ravel()])
    valence = np.maximum(np.bincount(heads, minlength=len(points)), 1)[:, None]
    return np.stack([np.bincount(heads, axis[tails], len(points)) for axis in points.T], axis=1) / valence


def _smoothed(vertices: F64, faces: I64) -> F64:
    """Three Taubin steps (λ 0.5, μ −0.53; Taubin 1995): they take the grid's ribs off the rim without shrinkage."""
    for weight in (0.5, -0.53) * 3:
        vertices = vertices + weight * (_neighbour_mean(vertices, faces) - vertices)
    return vertices


def _rotated(triangles: I64, inside: Mask, lead: bool) -> I64:
    """Each triangle turned so that the one corner whose side is `lead` comes first; the winding is kept."""
    turn = np.argmax(inside[triangles] == lead, axis=1)
    return np.take_along_axis(triangles, (turn[:, None] + np.arange(3)) % 3, axis=1)


def _texture(pixels: U8, silhouette: Silhouette, at: F64) -> tuple[Texture, F64]:
    """The picture cropped to the object, without its background, sides powers of two; and (n, 2) uv of pixels `at`."""
    rows, columns = (np.flatnonzero(silhouette.mask.any(axis=axis)) for axis in (1, 0))
    margin = 6
    top, left = max(rows[0] - margin, 0), max(columns[0] - margin, 0)
    crop = np.s_[top : rows[-1] + margin + 1, left : columns[-1] + margin + 1]
    mask = silhouette.mask[crop]
    color = _spread(pixels[crop][..., :3], mask) if silhouette.line is None else _clay(silhouette.line[crop], mask)
    size = [2 ** int(np.clip(np.round(np.log2(side)), 5, 10)) for side in mask.shape]
    image = Image.fromarray(color).resize((size[1], size[0]), Image.Resampling.LANCZOS)
    uv = (at - [left, top]) / [mask.shape[1], mask.shape[0]]
    return Texture.from_pixels(np.asarray(image), "picture"), np.clip(uv, 0.0, 1.0)


def _spread(color: U8, mask: Mask) -> U8:
    """The object's colours carried outward over the fringe and the background, nearest first, then softened."""
    core = scipy.ndimage.binary_erosion(mask, iterations=FRINGE)
    core = core if core.any() else mask
    # Thin limbs have no core of their own: they keep their pixels.
    core |= mask & ~scipy.ndimage.binary_dilation(core, iterations=2 * FRINGE + 1)
    nearest = scipy.ndimage.distance_transform_edt(~core, return_distances=False, return_indices=True)
    filled = color[tuple(nearest)]
    # The rim is seen edge-on, which stretches single pixels into stripes: outside the core only soft colour.
    soft = scipy.ndimage.uniform_filter(filled, size=(9, 9, 1), mode="nearest")
    return np.asarray(np.where(core[..., None], filled, soft), dtype=np.uint8)


def _clay(line: Mask, mask: Mask) -> U8:
    """A neutral body with the drawing's inner lines; the outline is the shape now, and would smear on the rim."""
    depth = scipy.ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    stroke = 2.0 * float(np.percentile(scipy.ndimage.distance_transform_edt(line)[line], 90))
    line = line & (depth > 1.5 * stroke + 2.0)
    ink = scipy.ndimage.gaussian_filter(line.astype(np.float64), 0.7)[..., None]
    return np.asarray(np.array(CLAY) * (1.0 - ink) + np.array(INK) * ink + 0.5, dtype=np.uint8)
