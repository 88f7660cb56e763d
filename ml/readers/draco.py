"""Decodes KHR_draco_mesh_compression with the Draco library: faces and attributes of one primitive."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import InputError

Values = npt.NDArray[Any]


def decode_draco(data: bytes, attributes: dict[str, int]) -> tuple[Values, dict[str, Values]]:
    """Corners (3m, 1) and the (n, width) values of each attribute, given its id in the Draco stream.

    Raises InputError `mesh.broken` for a stream that Draco refuses or that lacks an attribute.
    """
    import DracoPy

    try:
        mesh = DracoPy.decode(data)
    except Exception as error:
        raise InputError("mesh.broken", f"not a Draco stream: {str(error)[:200]}") from error
    if not hasattr(mesh, "faces") or mesh.faces is None:
        raise InputError("mesh.broken", "the Draco stream holds points without faces")
    found = {entry["unique_id"]: np.asarray(entry["data"]) for entry in mesh.attributes}
    missing = [name for name, identity in attributes.items() if identity not in found]
    if missing:
        raise InputError("mesh.broken", f"the Draco stream has no {missing[0][:40]}")
    faces = np.asarray(mesh.faces, np.uint32).reshape(-1, 1)
    return faces, {name: _columns(found[identity]) for name, identity in attributes.items()}


def _columns(values: Values) -> Values:
    return values.reshape(len(values), -1)
