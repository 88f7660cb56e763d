"""Where a glTF file's first animation begins: the transforms and weights that its first keyframes give to nodes."""

from __future__ import annotations

from typing import Any

from ml.readers.gltf_buffers import Document

PATHS = {"translation": 3, "rotation": 4, "scale": 3}
CUBIC = "CUBICSPLINE"  # each keyframe holds an in-tangent, the value and an out-tangent (glTF 2.0, §3.11)


def first_pose(document: Document) -> dict[int, dict[str, Any]]:
    """Node index → the translation, rotation, scale and morph weights of frame 0 of the first animation, in place of
    the node's own.

    Before its first keyframe a channel holds the first value. Raises InputError `mesh.broken` for values that are none.
    """
    found: dict[int, dict[str, Any]] = {}
    for animation in document.json.get("animations", [])[:1]:
        for channel in animation.get("channels", []):
            target = channel.get("target", {})
            node, path = target.get("node"), target.get("path")
            if isinstance(node, int) and (path == "weights" or path in PATHS):
                sampler = animation["samplers"][channel["sampler"]]
                found.setdefault(node, {})[path] = _first_value(document, sampler, path)
    return found


def _first_value(document: Document, sampler: dict[str, Any], path: str) -> list[float]:
    values = document.floats(sampler["output"])
    cubic = sampler.get("interpolation") == CUBIC
    if path == "weights":  # scalars, as many a keyframe as there are targets
        keys = document.count(sampler["input"]) * (3 if cubic else 1)
        rows = values.reshape(keys, -1)
    else:
        rows = values.reshape(-1, PATHS[path])
    first: list[float] = rows[1 if cubic else 0].tolist()
    return first
