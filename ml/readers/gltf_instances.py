"""EXT_mesh_gpu_instancing: one node that shows its mesh at many places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ml.asset import InputError
from ml.readers.gltf_buffers import Document, Json

MOST = 100_000  # each becomes a part; more would fill the memory before their faces are counted
TRANSFORMS = {"TRANSLATION": "translation", "ROTATION": "rotation", "SCALE": "scale"}


def instances(document: Document, node: Json) -> Iterator[dict[str, Any]]:
    """The transform of each instance, below the node's own, as a node would say it; one that says nothing for a node
    without instances. Attributes of the user's own are left out. Raises InputError `mesh.broken`, `mesh.too-large`.
    """
    extension = node.get("extensions", {}).get("EXT_mesh_gpu_instancing")
    if extension is None:
        yield {}
        return
    named = {TRANSFORMS[key]: at for key, at in extension["attributes"].items() if key in TRANSFORMS}
    counts = {document.count(at) for at in extension["attributes"].values()}
    if len(counts) != 1:
        raise InputError("mesh.broken", f"the instances of a node are {sorted(counts)} in number")
    count = counts.pop()
    if count > MOST:
        raise InputError("mesh.too-large", f"a node has {count} instances; the limit is {MOST}")
    columns = {name: document.floats(at) for name, at in named.items()}
    for row in range(count):
        yield {name: values[row].tolist() for name, values in columns.items()}
