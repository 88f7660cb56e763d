"""The region that an edit is limited to: named parts, boxes and brushed spheres, as weights over vertices."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, Asset, InputError, Part
from ml.part_names import listed, parts_named

F64 = npt.NDArray[np.float64]

FALLOFF = 0.04  # of the diagonal: 4 cm on a chair
MAX_TEXT = 1 << 20  # characters of JSON
MAX_SHAPES = 4096  # boxes and spheres: a brush leaves one a step
FAR = 1e6  # metres: no coordinate of an asset lies beyond


@dataclass(frozen=True)
class Region:
    """The union of named parts, boxes and spheres, in the frame of the master GLB; empty means the whole asset."""

    parts: tuple[str, ...] = ()
    boxes: tuple[tuple[float, float, float, float, float, float], ...] = ()  # min x, y, z, max x, y, z in metres
    spheres: tuple[tuple[float, float, float, float], ...] = ()  # centre and radius in metres

    @property
    def whole(self) -> bool:
        """Whether it means the whole asset."""
        return not (self.parts or self.boxes or self.spheres)

    def text(self) -> str:
        """The JSON that `parse_region` reads; "" for the whole asset."""
        if self.whole:
            return ""
        boxes = [{"min": list(box[:3]), "max": list(box[3:])} for box in self.boxes]
        content = {"parts": list(self.parts), "boxes": boxes, "spheres": [list(ball) for ball in self.spheres]}
        return json.dumps({key: value for key, value in content.items() if value}, separators=(",", ":"))


def parse_region(text: str) -> Region:
    """A region from `{"parts": […], "boxes": [{"min", "max"}], "spheres": [[x, y, z, r]]}`, any key missing.

    Raises InputError `region.too-large`, `region.not-json`, `region.unknown-key`, `region.bad-part`,
    `region.bad-box` and `region.bad-sphere`.
    """
    if not text.strip():
        return Region()
    if len(text) > MAX_TEXT:
        raise InputError("region.too-large", f"a region of {len(text)} characters; the limit is {MAX_TEXT}")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("region.not-json", f"the region is not JSON: {str(error)[:200]}") from error
    if not isinstance(content, dict):
        raise InputError("region.not-json", "the region has to be an object with parts, boxes or spheres")
    for key in content:
        if key not in ("parts", "boxes", "spheres"):
            raise InputError("region.unknown-key", f"unknown key {key[:40]!r}; known are parts, boxes, spheres")
    parts, boxes, spheres = (_list(content, key) for key in ("parts", "boxes", "spheres"))
    if len(boxes) + len(spheres) > MAX_SHAPES or len(parts) > MAX_SHAPES:
        raise InputError("region.too-large", f"{len(boxes) + len(spheres)} shapes; the limit is {MAX_SHAPES}")
    for part in parts:
        if not isinstance(part, str) or not part.strip():
            raise InputError("region.bad-part", f"{str(part)[:40]!r} is no part's name")
    return Region(tuple(parts), tuple(map(_box, boxes)), tuple(map(_sphere, spheres)))


def _list(content: dict[str, Any], key: str) -> list[Any]:
    value = content.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        code = {"parts": "region.bad-part", "boxes": "region.bad-box", "spheres": "region.bad-sphere"}[key]
        raise InputError(code, f"{key} has to be a list")
    return value


def _numbers(value: Any, count: int, code: str) -> list[float]:
    good = isinstance(value, list) and len(value) == count
    if not good or not all(isinstance(x, int | float) and not isinstance(x, bool) and abs(x) <= FAR for x in value):
        raise InputError(code, f"{str(value)[:80]} is not {count} numbers within ±{FAR:.0f} m")
    return [float(x) for x in value]


def _box(value: Any) -> tuple[float, float, float, float, float, float]:
    code = "region.bad-box"
    if not isinstance(value, dict) or set(value) != {"min", "max"}:
        raise InputError(code, "a box has exactly the keys min and max")
    (a, b, c), (d, e, f) = _numbers(value["min"], 3, code), _numbers(value["max"], 3, code)
    if a > d or b > e or c > f:
        raise InputError(code, "a box's min has to lie below its max on each axis")
    return a, b, c, d, e, f


def _sphere(value: Any) -> tuple[float, float, float, float]:
    x, y, z, radius = _numbers(value, 4, "region.bad-sphere")
    if radius <= 0.0:
        raise InputError("region.bad-sphere", f"a sphere of radius {radius}")
    return x, y, z, radius


def part_indices(asset: Asset, word: str) -> tuple[int, ...]:
    """The parts that a word names; raises InputError `region.no-part`, naming the parts that there are."""
    names = [part.name for part in asset.parts]
    found = parts_named(word, names)
    if not found:
        raise InputError("region.no-part", f"there is no part {word[:40]!r}; there are: {listed(names)}")
    return found


def region_weights(asset: Asset, region: Region, falloff: float = FALLOFF) -> list[F32]:
    """(n,) weights of each part's vertices: 1 inside, falling smoothly to exactly 0 outside.

    `falloff` is the width of the fall as a share of the diagonal of the asset's box. Named parts end where they end:
    the weight of all their vertices is 1. Everything weighs 1 where the region is empty. The fall is the cubic
    3t² − 2t³, level at both ends. Raises InputError `region.no-part`, `region.empty` where no vertex weighs anything,
    and `mesh.no-faces`.
    """
    low, high = asset.bounds()
    if region.whole:
        return [np.ones(len(part.vertices), np.float32) for part in asset.parts]
    chosen = {index for word in region.parts for index in part_indices(asset, word)}
    width = falloff * float(np.linalg.norm(high - low))
    weights = [
        np.ones(len(part.vertices), np.float32) if index in chosen else point_weights(part.vertices, region, width)
        for index, part in enumerate(asset.parts)
    ]
    if not any(_moves(part, weight) for part, weight in zip(asset.parts, weights, strict=True)):
        raise InputError("region.empty", "no vertex lies in the region or near it")
    return weights


def _moves(part: Part, weight: F32) -> bool:
    return bool(len(part.faces)) and bool((weight[part.faces] > 0.0).any())


def point_weights(points: F32, region: Region, width: float) -> F32:
    """(n,) weights of points (n, 3) by their distance to the region's boxes and spheres; `width` is in metres."""
    boxes = np.array(region.boxes, np.float64).reshape(-1, 6)
    spheres = np.array(region.spheres, np.float64).reshape(-1, 4)
    result: F32 = _weights(np.ascontiguousarray(points, np.float32), boxes, spheres, float(width))
    return result


@njit(cache=True, nogil=True)
def _weights(points: F32, boxes: F64, spheres: F64, width: float) -> F32:
    weights = np.zeros(len(points), np.float32)
    for i in range(len(points)):
        nearest = np.inf
        for b in range(len(boxes)):
            squared = 0.0
            for axis in range(3):
                x = float(points[i, axis])
                gap = max(boxes[b, axis] - x, x - boxes[b, axis + 3], 0.0)
                squared += gap * gap
            nearest = min(nearest, np.sqrt(squared))
        for s in range(len(spheres)):
            squared = 0.0
            for axis in range(3):
                squared += (float(points[i, axis]) - spheres[s, axis]) ** 2
            nearest = min(nearest, np.sqrt(squared) - spheres[s, 3])
        if nearest <= 0.0:
            weights[i] = 1.0
        elif nearest < width:
            t = 1.0 - nearest / width
            weights[i] = t * t * (3.0 - 2.0 * t)
    return weights
