"""Reads the field of looks that a raw asset of ours carries in a material."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.asset import InputError
from ml.looks import Looks
from ml.plane_field import PlaneField
from ml.readers.gltf_buffers import Document, Json

NAME = "MESHMILL_looks"
TYPES = {"F16": np.float16, "F32": np.float32}


def read_looks(document: Document, material: Json) -> Looks | None:
    """The looks that a material has; raises InputError `mesh.broken` or `field.*`, because anybody may write them."""
    extension = material.get("extensions", {}).get(NAME)
    if extension is None:
        return None
    arrays: dict[str, Any] = {}
    for name, spec in extension["arrays"].items():
        data, shape = document.view(spec["bufferView"]), tuple(spec["shape"])
        kind = np.dtype(TYPES[spec["dtype"]]).newbyteorder("<")
        if any(type(n) is not int or n < 0 for n in shape) or np.prod(shape, dtype=object) * kind.itemsize != len(data):
            raise InputError("mesh.broken", f"{len(data)} bytes of {NAME} are not {shape} numbers")
        arrays[name] = np.frombuffer(data, kind).reshape(shape)
    frame = np.array([float(value) for value in extension["frame"]])
    if len(frame) != 12:
        raise InputError("mesh.broken", f"the frame of {NAME} has {len(frame)} numbers, not 12")
    return Looks(PlaneField(**arrays), frame.reshape(3, 4))
