"""Exports pictures for training: seeded cameras around an asset, their maps as PNG, and transforms.json."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from ml.asset import U8, Asset
from ml.png import encode_png
from tasks.array_files import stored_zip
from tasks.camera import Camera
from tasks.outputs import OutputFile
from tasks.outside_shader import shaded_outside
from tasks.render import render
from tasks.sample_frame import SampleFrame, sample_frame
from tasks.source_samples import SourceSamples
from tasks.topology import F64
from tasks.view_cameras import condition_cameras, orbit_cameras, orthographic_cameras, sphere_cameras
from tasks.view_maps import Map, depth_scale, map_pixels, orm_pixels
from tasks.views import Views, render_views

# Blender's world: Z up, the front towards −Y.
BLENDER: F64 = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
PICTURE: tuple[Map, ...] = ("shaded", "albedo")  # which map `file_path` names, the first there is


@dataclass(frozen=True)
class ViewsOptions:
    """From where, how large, which maps, and how they are stored; lengths are in units of the frame."""

    cameras: Literal["orbit", "sphere", "condition", "orthographic"] = field(
        default="sphere", metadata={"help": "steps of azimuth; TRELLIS' sphere or condition law; six sides"}
    )
    count: int = field(default=8, metadata={"min": 1, "max": 1024, "help": "cameras; orthographic has always six"})
    size: int = field(default=256, metadata={"min": 16, "max": 4096, "help": "pixels a side"})
    maps: tuple[Literal["albedo", "normals", "depth", "mask", "orm", "shaded"], ...] = field(
        default=("albedo", "normals", "depth", "mask"), metadata={"help": "which pictures each camera takes"}
    )
    radius: float = field(default=2.0, metadata={"min": 0.9, "max": 100.0, "help": "sphere: in longest sides"})
    fov: float = field(default=40.0, metadata={"min": 1.0, "max": 120.0, "help": "orbit, sphere: vertical degrees"})
    fovs: tuple[float, float] = field(
        default=(10.0, 70.0), metadata={"min": 1.0, "max": 120.0, "help": "condition: smallest and largest"}
    )
    elevation: float = field(default=20.0, metadata={"min": -90.0, "max": 90.0, "help": "orbit: degrees"})
    frame: Literal["cube", "sphere"] = field(default="cube", metadata={"help": "what the asset is fitted into"})
    extent: float = field(default=1.0, metadata={"min": 0.01, "max": 16.0, "help": "half its side, or its radius"})
    of: Literal["source", "asset"] = field(
        default="source", metadata={"help": "where geometry was replaced: as it was before, with its textures, or now"}
    )
    label: str = field(default="", metadata={"help": "part of the files' names, for several sets of views"})
    pack: Literal["files", "zip"] = field(default="files", metadata={"help": "one file a picture, or all in one"})
    supersample: int = field(default=2, metadata={"min": 1, "max": 4, "help": "shaded: samples a pixel, per axis"})
    shader: Literal["own", "f3d", "cycles"] = field(
        default="own", metadata={"help": "who draws `shaded`: this house, or another renderer in its own process"}
    )
    shader_python: str = field(default="", metadata={"help": "interpreter that has f3d or bpy; empty for this one"})
    seed: int = field(default=0, metadata={"min": 0, "max": 2**32 - 1, "help": "other numbers, other cameras"})

    def __post_init__(self) -> None:
        if not self.maps or len(set(self.maps)) < len(self.maps):
            raise ValueError("maps have to be named, each once")
        if not all(letter.isalnum() or letter in "-_" for letter in self.label):
            raise ValueError("a label is letters, digits, - and _")
        if not self.fovs[0] < self.fovs[1]:
            raise ValueError("fovs are the smallest and the largest")


def export_views(asset: Asset, stem: str, options: ViewsOptions = ViewsOptions()) -> list[OutputFile]:
    """`stem_MAP_000.png` … and `stem_transforms.json`, or `stem_views.zip` that holds them without `stem_`; with a
    label `stem_LABEL_MAP_000.png` …, or `stem_LABEL.zip`.

    `transforms.json` is in the convention of NeRF's synthetic scenes (Mildenhall et al. 2020): the world has Z up and
    a camera looks along its −Z; `applied_transform` (3, 4) takes the asset's metres there, frame and turn in one.
    Albedo and shaded are sRGB with alpha; normals are of that world, −1 … 1 as 0 … 255; depth is 16 bits along the
    view axis, 0 where nothing is, times `integer_depth_scale` (both keys as instant-ngp reads them); ORM is linear.
    An orthographic frame has `ortho_scale`, its height, for a field of view. Same asset and seed, same bytes, but for
    `shaded` by another renderer than `own`. Raises InputError `mesh.*` and `image.*`, and `views.*` of such a one.
    """
    frame = sample_frame(asset, options.frame, options.extent)
    shown = (asset.source or asset) if options.of == "source" else asset
    placed = frame.placed(replace(shown, source=None, lods=(), collision=()))
    cameras = _cameras(placed, options)
    views = render_views(placed, cameras, options.size)
    scale = depth_scale(views.depth)
    prefix = "" if options.pack == "zip" else f"{stem}_{options.label}_" if options.label else f"{stem}_"
    files = list(_pictures(placed, cameras, views, scale, options, prefix))
    text = json.dumps(_transforms(cameras, frame, scale, options, prefix), indent=1)
    files.append((f"{prefix}transforms.json", text.encode()))
    covered = {"views.covered": float(views.mask.mean())}
    if options.pack == "zip":
        return [OutputFile(f"{stem}_{options.label or 'views'}.zip", "views", 0, stored_zip(files), covered)]
    return [OutputFile(name, "views", 0, data, covered) for name, data in files]


def _cameras(placed: Asset, options: ViewsOptions) -> list[Camera]:
    """All but an orbit, which frames the asset tightly, are the same for every asset."""
    cube: F64 = np.array([[-options.extent] * 3, [options.extent] * 3])
    if options.cameras == "orbit":
        corners = np.concatenate([part.vertices[part.faces.reshape(-1)] for part in placed.parts])
        return orbit_cameras(corners, options.count, options.elevation, options.fov)
    if options.cameras == "sphere":
        return sphere_cameras(cube, options.count, options.seed, options.radius, options.fov)
    if options.cameras == "condition":
        return condition_cameras(cube, options.count, options.seed, options.fovs)
    return orthographic_cameras(cube)


def _pictures(
    placed: Asset, cameras: list[Camera], views: Views, scale: float, options: ViewsOptions, prefix: str
) -> Iterator[tuple[str, bytes]]:
    """(name, PNG) of every map of every view."""
    samples = SourceSamples(placed)
    shaded = _shaded(placed, cameras, options)
    for index, camera in enumerate(cameras):
        for kind in options.maps:
            if kind == "shaded":
                pixels = next(shaded)
            elif kind == "orm":
                pixels = orm_pixels(samples, camera, views.depth[index], views.faces[index])
            else:
                pixels = map_pixels(kind, views, index, scale, BLENDER)
            yield f"{prefix}{kind}_{index:03}.png", encode_png(pixels)


def _shaded(placed: Asset, cameras: list[Camera], options: ViewsOptions) -> Iterator[U8]:
    """The shaded picture of each view in turn; drawn only when one is asked for."""
    if options.shader == "own":
        for camera in cameras:
            yield render(placed, camera, options.size, options.supersample).color
    else:
        poses = [_pose(camera) for camera in cameras]
        yield from shaded_outside(placed, cameras, poses, options.size, options.shader, options.shader_python)


def _transforms(
    cameras: list[Camera], frame: SampleFrame, scale: float, options: ViewsOptions, prefix: str
) -> dict[str, object]:
    turned = frame.scale * BLENDER
    applied = np.column_stack([turned, -_times(turned, np.array(frame.centre))])
    picture = next((kind for kind in PICTURE if kind in options.maps), options.maps[0])
    frames = [_frame(camera, index, picture, options, prefix) for index, camera in enumerate(cameras)]
    return {
        **_shared(frames),
        **{"w": options.size, "h": options.size, "cx": options.size / 2, "cy": options.size / 2},
        "integer_depth_scale": scale,
        "applied_transform": applied.tolist(),
        "frame": {"kind": options.frame, "extent": options.extent, **frame.record()},
        "frames": frames,
    }


def _shared(frames: list[dict[str, object]]) -> dict[str, object]:
    """The lens in front of all frames, where readers of the convention look for it, if all have the same one."""
    lens: dict[str, object] = {key: frames[0][key] for key in ("camera_angle_x", "fl_x", "fl_y") if key in frames[0]}
    return lens if all(frame.get(key) == value for frame in frames for key, value in lens.items()) else {}


def _frame(camera: Camera, index: int, picture: Map, options: ViewsOptions, prefix: str) -> dict[str, object]:
    found: dict[str, object] = {"file_path": f"{prefix}{picture}_{index:03}.png"}
    found |= {f"{kind}_path": f"{prefix}{kind}_{index:03}.png" for kind in options.maps}
    if camera.fov > 0.0:
        angle = math.radians(camera.fov)  # pictures are square: the horizontal angle is the vertical one
        focal = 0.5 * options.size / math.tan(0.5 * angle)
        found |= {"camera_angle_x": angle, "fl_x": focal, "fl_y": focal}
    else:
        found["ortho_scale"] = camera.extent
    return {**found, "transform_matrix": _pose(camera).tolist()}


def _pose(camera: Camera) -> F64:
    """(4, 4) camera to Blender's world."""
    turn = np.eye(4)
    turn[:3, :3] = BLENDER
    return np.column_stack([_times(turn, column) for column in camera.matrix().T])


def _times(matrix: F64, vector: F64) -> F64:
    """matrix · vector, written out so that no digit depends on the BLAS at hand."""
    product: F64 = (matrix * vector).sum(axis=1)
    return product
