"""Pictures that shops ask for beside the poster: views from all sides, a wireframe, and a turntable."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ml.asset import Asset, InputError
from tasks.camera import Camera, orbit
from tasks.render import Frame, render
from tasks.thumbnail import ThumbnailOptions, encode_jpeg, shot

U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]

# Azimuth and elevation, degrees: the poster's view first, then front, right, back and from above.
VIEWS = ((35.0, 20.0), (0.0, 10.0), (90.0, 10.0), (205.0, 20.0), (320.0, 50.0))
FRAMES, FRAME_SECONDS = 36, 0.08  # of a turntable: a step of 10°
MOST_BYTES = 4_000_000  # of one picture
INK, PAPER = (35, 40, 48), (250, 250, 250)
NEAR = 1.01  # an edge is seen when it lies no deeper than this times the nearest surface


def views(asset: Asset, size: tuple[int, int], directions: Sequence[tuple[float, float]] = VIEWS) -> list[bytes]:
    """JPEGs of `size` (width, height) pixels, one a direction; raises InputError as `thumbnail` does."""
    return [encode_jpeg(shot(asset, _options(a, e), size), MOST_BYTES) for a, e in directions]


def turntable(asset: Asset, side: int = 512, frames: int = FRAMES) -> list[bytes]:
    """JPEGs of one turn from the front, counter-clockwise seen from above; the camera keeps one distance."""
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the mesh has no faces to draw")
    circle = _circle(asset)
    steps = [360.0 * k / frames for k in range(frames)]
    pictures = [render(asset, orbit(circle, azimuth, 15.0, 28.0, 1.15), side).color for azimuth in steps]
    return [encode_jpeg(_on_paper(color), MOST_BYTES) for color in pictures]


def animation(frames: Sequence[bytes]) -> bytes:
    """The frames as one endless animated WebP."""
    pictures = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in frames]
    buffer = io.BytesIO()
    milliseconds = round(1000 * FRAME_SECONDS)
    pictures[0].save(
        buffer, "WEBP", save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0, quality=80
    )
    return buffer.getvalue()


def wireframe(asset: Asset, size: tuple[int, int]) -> bytes:
    """A JPEG of the edges that are seen, dark on white; raises InputError `mesh.no-faces`."""
    vertices, faces, _ = asset.merged()
    if not len(faces):
        raise InputError("mesh.no-faces", "the mesh has no faces to draw")
    width, height = size
    camera = orbit(vertices[np.unique(faces)], *VIEWS[0], 28.0, 1.15, width / height)
    frame = render(asset, camera, size, supersample=1)
    edges = np.unique(np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
    ends = camera.project(vertices, width, height)
    picture = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(picture)
    for a, b in edges[_seen(frame, camera, vertices, edges, size)]:
        pen.line((*ends[a, :2], *ends[b, :2]), fill=INK)
    return encode_jpeg(np.asarray(picture), MOST_BYTES)


def _seen(
    frame: Frame,
    camera: Camera,
    vertices: npt.NDArray[np.floating],
    edges: npt.NDArray[np.int32],
    size: tuple[int, int],
) -> npt.NDArray[np.bool_]:
    """Edges whose middle lies at the nearest surface, in the pixel it falls on or one beside it."""
    width, height = size
    middle = vertices[edges].astype(np.float64).mean(axis=1)
    x, y, nearness, _ = camera.project(middle, width, height).T
    column, line = np.clip(x.astype(int), 1, width - 2), np.clip(y.astype(int), 1, height - 2)
    around = [frame.depth[line + dy, column + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return np.asarray(1.0 / nearness <= NEAR * np.max(around, axis=0))


def _circle(asset: Asset) -> F64:
    """Points of the asset turned around the vertical axis, so that every frame of a turn is framed alike."""
    low, high = asset.bounds()
    middle = (low + high) / 2.0
    radius = float(np.hypot(high[0] - low[0], high[2] - low[2])) / 2.0
    turn = np.radians(np.arange(0.0, 360.0, 5.0))  # every frame sees the same points
    ring = np.stack([radius * np.sin(turn), np.zeros_like(turn), radius * np.cos(turn)], axis=1) + middle
    return np.concatenate([ring + np.array([0.0, y - middle[1], 0.0]) for y in (low[1], high[1])])


def _on_paper(color: U8) -> U8:
    alpha = color[..., 3:].astype(np.float64) / 255.0
    return (color[..., :3] * alpha + np.array(PAPER) * (1.0 - alpha) + 0.5).astype(np.uint8)


def _options(azimuth: float, elevation: float) -> ThumbnailOptions:
    return ThumbnailOptions(azimuth=azimuth, elevation=elevation)
