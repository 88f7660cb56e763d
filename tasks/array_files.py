"""Arrays as files: npz and safetensors, written so that the same arrays always give the same bytes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[Any]]
# "Format" in the README of the safetensors project; the other types have no place in our products.
SAFETENSORS_TYPES = {
    "float16": "F16",
    "float32": "F32",
    "uint8": "U8",
    "uint16": "U16",
    "int32": "I32",
}
ALIGNMENT = 8  # bytes: where safetensors' data begins


def npz(arrays: Arrays, meta: Mapping[str, object]) -> bytes:
    """A zip of .npy files, stored and dated 1980, as `numpy.load` reads it; `meta` is JSON in the array `meta`."""
    named = {**arrays, "meta": np.array(_json(meta))}
    return stored_zip((f"{name}.npy", _npy(array)) for name, array in named.items())


def stored_zip(files: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip of (path, data) without compression, every entry dated 1980: equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, data in files:
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def safetensors(arrays: Arrays, meta: Mapping[str, object]) -> bytes:
    """A safetensors file of little-endian arrays; `meta` is JSON under `__metadata__.meta`."""
    header: dict[str, object] = {"__metadata__": {"meta": _json(meta)}}
    blocks, end = [], 0
    # The largest items first, so that each array begins at a multiple of its own size.
    for name, array in sorted(arrays.items(), key=lambda pair: -pair[1].dtype.itemsize):
        block = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        kind = SAFETENSORS_TYPES[array.dtype.name]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + len(block)]}
        blocks.append(block)
        end += len(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return b"".join([len(text).to_bytes(8, "little"), text, *blocks])


def _json(meta: Mapping[str, object]) -> str:
    return json.dumps(meta, sort_keys=True, separators=(",", ":"))


def _npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()
