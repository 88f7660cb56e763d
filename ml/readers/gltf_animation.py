"""Where a glTF file's first animation begins: the transforms that its first keyframes give to nodes."""

from __future__ import annotations

from typing import Any

from ml.readers.gltf_buffers import Document

PATHS = {"translation": 3, "rotation": 4, "scale": 3}  # morph targets' weights are not read
CUBIC = "CUBICSPLINE"  # each keyframe holds an in-tangent, the value and an out-tangent (glTF 2.0, §3.11)


def first_pose(document: Document) -> dict[int, dict[str, Any]]:
    """Node index → the translation, rotation and scale of frame 0 of the first animation, in place of the node's own.

    Before its first keyframe a channel holds the first value. Raises InputError `mesh.broken` for values that are none.
    """
    found: dict[int, dict[str, Any]] = {}
    for animation in document.json.get("animations", [])[:1]:
        for channel in animation.get("channels", []):
            target = channel.get("target", {})
            node, path = target.get("node"), target.get("path")
            if isinstance(node, int) and path in PATHS:
                sampler = animation["samplers"][channel["sampler"]]
                values = document.floats(sampler["output"]).reshape(-1, PATHS[path])
                key = 1 if sampler.get("interpolation") == CUBIC else 0
                found.setdefault(node, {})[path] = values[key].tolist()
    return found
