"""Named arrays in a safetensors file: a JSON header of names, types, shapes and places, then the bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import InputError

Arrays = dict[str, npt.NDArray[Any]]
TYPES = {"F16": np.float16, "F32": np.float32, "F64": np.float64, "I64": np.int64, "U8": np.uint8}
CODES = {np.dtype(kind): code for code, kind in TYPES.items()}


def write_tensors(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write the file whole or not at all: under another name first. Little-endian, as the format has it.

    Source: safetensors, "Format" in its README (8 bytes of header length, JSON header, data without gaps).
    """
    header: dict[str, Any] = {}
    at = 0
    for name, values in arrays.items():
        header[name] = {"dtype": CODES[values.dtype], "shape": list(values.shape)}
        header[name]["data_offsets"] = [at, at := at + values.nbytes]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for values in arrays.values():
            stream.write(np.ascontiguousarray(values).tobytes())
    temporary.replace(path)


def read_tensors(path: Path) -> Arrays:
    """Every array by name; raises InputError `weights.unreadable`."""
    data = path.read_bytes()
    try:
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        header.pop("__metadata__", None)
        return {name: _array(data, 8 + size, entry) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("weights.unreadable", f"{path.name} is not a safetensors file: {error}") from error


def _array(data: bytes, start: int, entry: Mapping[str, Any]) -> npt.NDArray[Any]:
    first, last = entry["data_offsets"]
    if not 0 <= first <= last <= len(data) - start:
        raise ValueError("data outside the file")
    return np.frombuffer(data[start + first : start + last], TYPES[entry["dtype"]]).reshape(entry["shape"])
