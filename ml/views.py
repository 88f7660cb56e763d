"""Views with known cameras: read from a cameras.json in the NeRF convention, or inferred from names and order."""

from __future__ import annotations

import json
import math
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import InputError
from ml.sources import Source

F64 = npt.NDArray[np.float64]

SIDECARS = ("cameras.json", "transforms.json")  # the first that there is beside the first image
OFF_CENTRE = 0.01  # of the side: two pixels of 200
BENT = ("k1", "k2", "k3", "k4", "p1", "p2")  # lens distortion, which no camera here has
# Azimuth (0 = front, 90 = right: the camera stands on +X) and elevation in degrees by a word in the file's name.
NAMED = {
    "front": (0.0, 0.0),
    "right": (90.0, 0.0),
    "back": (180.0, 0.0),
    "rear": (180.0, 0.0),
    "left": (270.0, 0.0),
    "top": (0.0, 90.0),
    "bottom": (0.0, -90.0),
}
Z_UP_TO_Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1.0]])


@dataclass(frozen=True)
class View:
    """A camera: `pose` (4, 4) camera-to-world, looking along −z with y up; `angle_x` radians, 0 = orthographic."""

    pose: F64
    angle_x: float
    extent: float = 1.0  # metres across the picture's longer side, orthographic only

    def projection(self, width: int, height: int) -> F64:
        """(4, 4) rows x, y, depth and scale: world point → homogeneous pixel (x/s, y/s) and metres of depth.

        Pixel (0, 0)'s centre is at (0, 0). For an orthographic view s = 1.
        """
        inverse = np.linalg.inv(self.pose)
        right, up, depth = inverse[0], inverse[1], -inverse[2]
        one = np.array([0.0, 0.0, 0.0, 1.0])
        if self.angle_x > 0.0:
            focal = 0.5 * width / math.tan(self.angle_x / 2.0)
            scale = depth
        else:
            focal = max(width, height) / self.extent
            scale = one
        centre_x, centre_y = 0.5 * width - 0.5, 0.5 * height - 0.5
        return np.stack([focal * right + centre_x * scale, -focal * up + centre_y * scale, depth, scale])

    def focal(self, width: int, height: int) -> float:
        """Pixels a metre at unit depth (perspective) or everywhere (orthographic)."""
        if self.angle_x > 0.0:
            return 0.5 * width / math.tan(self.angle_x / 2.0)
        return max(width, height) / self.extent


def find_views(images: Sequence[Source]) -> list[View]:
    """One view an image, in order; raises InputError `images.cameras`.

    `cameras.json` or `transforms.json` beside the first image is as NeRF has it: `camera_angle_x` (radians, of the
    whole file or of a frame; or `fl_x` and `w` in pixels; or `ortho_scale` in metres) and `frames`, each with
    `file_path` (its name without folder and extension is matched) and a 4×4 `transform_matrix`, camera-to-world,
    looking along −z, y up; a lens that bends lines or looks past the picture's middle is refused. World axes are
    Blender's, Z up, unless `"up_axis": "Y"` says otherwise. Without the file the cameras are orthographic, the
    picture's height is the world's unit, the object's axis is the middle column, and the direction is the word front,
    right, back, left, top or bottom in every file's name or else equal steps of azimuth from the front.
    """
    stems = [_stem(image.uri) for image in images]
    for name in SIDECARS:
        try:
            text = images[0].sibling(name).read()
        except InputError as error:
            if error.code != "input.missing":
                raise
            continue
        return _from_json(text, stems, name)
    return [View(orbit_pose(*direction, 3.0), 0.0) for direction in _directions(stems)]


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path.replace("\\", "/")))[0]


def _directions(stems: Sequence[str]) -> list[tuple[float, float]]:
    found = [[angles for word, angles in NAMED.items() if word in stem.lower()] for stem in stems]
    if all(len(angles) == 1 for angles in found):
        return [angles[0] for angles in found]
    if any(found):
        unnamed = [stem for stem, angles in zip(stems, found, strict=True) if len(angles) != 1]
        message = f"{', '.join(unnamed)}: not one of {', '.join(NAMED)}; name every view or none, or add {SIDECARS[0]}"
        raise InputError("images.cameras", message)
    return [(360.0 * index / len(stems), 0.0) for index in range(len(stems))]


def orbit_pose(azimuth: float, elevation: float, distance: float) -> F64:
    """(4, 4) camera-to-world of a camera that looks at the origin; degrees, azimuth 0 = front (+Z), 90 = +X."""
    a, e = math.radians(azimuth), math.radians(elevation)
    back = np.array([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])
    right = np.array([math.cos(a), 0.0, -math.sin(a)])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
    pose[:3, 3] = distance * back
    return pose


def _from_json(text: bytes, stems: Sequence[str], name: str) -> list[View]:
    try:
        document = json.loads(text)
        frames = {_stem(frame["file_path"]): frame for frame in document["frames"]}
        turn = np.eye(4) if document.get("up_axis", "Z") == "Y" else Z_UP_TO_Y_UP
        missing = [stem for stem in stems if stem not in frames]
        if missing:
            raise InputError("images.cameras", f"{name} has no frame for {', '.join(missing)}")
        return [_frame_view(document, frames[stem], turn) for stem in stems]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ZeroDivisionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("images.cameras", f"{name} is not a NeRF transforms file: {error!r}") from error


def _frame_view(document: dict[str, Any], frame: dict[str, Any], turn: F64) -> View:
    pose = np.array(frame["transform_matrix"], dtype=np.float64)
    rotation = pose[:3, :3] if pose.shape == (4, 4) else np.zeros((3, 3))
    if not np.isfinite(pose).all() or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3):
        raise InputError("images.cameras", f"transform_matrix of {frame['file_path']} is not a rigid 4×4 matrix")
    settings = {**document, **frame}
    if "ortho_scale" in settings:
        return View(turn @ pose, 0.0, _within(settings, "ortho_scale", 1e-6, 1e6))
    _check_lens(settings)
    if "camera_angle_x" not in settings and "fl_x" in settings:
        settings["camera_angle_x"] = 2.0 * math.atan(0.5 * float(settings["w"]) / float(settings["fl_x"]))
    return View(turn @ pose, _within(settings, "camera_angle_x", 1e-3, 3.1))


def _check_lens(settings: dict[str, Any]) -> None:
    """Raises InputError `images.cameras` for what a View cannot say: it would be shown wrong without a word."""
    bent = [key for key in BENT if abs(float(settings.get(key) or 0.0)) > 1e-6]
    if bent:
        raise InputError("images.cameras", f"the lens has distortion ({', '.join(bent)}): undistort the pictures first")
    for middle, side in (("cx", "w"), ("cy", "h")):
        if middle in settings and side in settings:
            off = abs(float(settings[middle]) / float(settings[side]) - 0.5)
            if off > OFF_CENTRE:
                text = f"{middle} lies {100 * off:.1f} % off the picture's middle: crop the pictures around it"
                raise InputError("images.cameras", text)


def _within(settings: dict[str, Any], key: str, low: float, high: float) -> float:
    value = float(settings[key])
    if not low <= value <= high:
        raise InputError("images.cameras", f"{key} is {value}; it has to be {low} to {high}")
    return value
