"""A field of looks as our own glTF extension, by which raw assets carry it from a generator to their chain."""

from __future__ import annotations

import numpy as np

from ml.looks import Looks
from ml.readers.gltf_looks import NAME, TYPES
from tasks.gltf_document import GltfDocument, Json

CODES = {np.dtype(kind): code for code, kind in TYPES.items()}


def looks_extension(document: GltfDocument, looks: Looks) -> Json:
    """The material's extension; its arrays become buffer views."""
    arrays = {
        name: {
            "bufferView": document.view(np.ascontiguousarray(values).tobytes()),
            "dtype": CODES[values.dtype],
            "shape": list(values.shape),
        }
        for name, values in looks.field.arrays.items()
    }
    document.used.add(NAME)
    return {NAME: {"frame": looks.frame.reshape(-1).tolist(), "arrays": arrays}}
