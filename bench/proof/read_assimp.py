"""Reads any format with Debian's assimp through its JSON dump: geometry, node names, and which map is on which slot."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from facts import Facts, MaterialFacts, PartFacts, gathered, keep_image

# aiTextureType: 1 diffuse, 12 base colour, 6 normals, 5 height (where OBJ's `bump` goes), 4 emissive, 15 metalness,
# 16 roughness, 7 shininess, 10 lightmap (glTF's occlusion), 17 ambient occlusion
SEMANTICS = {1: "base_color", 12: "base_color", 6: "normal", 5: "normal", 4: "emissive", 15: "metallic",
             16: "roughness", 7: "roughness", 10: "occlusion", 17: "occlusion"}  # fmt: skip
FACTORS = {"$clr.diffuse": "base_color", "$clr.emissive": "emissive", "$mat.metallicFactor": "metallic"}


def read(path: Path, folder: Path, scale: float = 1.0) -> Facts:
    """Facts of the scene; assimp applies no unit, so `scale` (metres a unit) says what the numbers mean."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "scene.json"
        done = subprocess.run(
            ["assimp", "export", str(path), str(out), "-fassjson"], capture_output=True, text=True, check=False
        )
        if done.returncode or not out.exists():
            raise ValueError(f"assimp: {(done.stdout + done.stderr).strip()[-300:]}")
        scene = json.loads(out.read_text(errors="replace"))
    pieces, parts = [], []
    for name, mesh, matrix in mesh_nodes(scene["rootnode"], np.eye(4)):
        spec = scene["meshes"][mesh]
        pieces.append(piece(spec, matrix, scale))
        parts.append(PartFacts(name, len(spec["faces"]), str(spec["materialindex"])))
    used = {part.material for part in parts}
    materials = {
        str(index): material_facts(spec, path.parent, folder)
        for index, spec in enumerate(scene["materials"])
        if str(index) in used
    }
    return Facts(**gathered(pieces), parts=parts, materials=materials)


def mesh_nodes(node: dict[str, Any], above: np.ndarray) -> list[tuple[str, int, np.ndarray]]:
    """(name, mesh, matrix to the root) below a node."""
    matrix = above @ np.array(node["transformation"], np.float64).reshape(4, 4)
    found = [(node["name"], mesh, matrix) for mesh in node.get("meshes", [])]
    return found + [entry for child in node.get("children", []) for entry in mesh_nodes(child, matrix)]


def piece(spec: dict[str, Any], matrix: np.ndarray, scale: float) -> tuple[Any, Any, Any]:
    """(corners, uv, normals) of a mesh; assimp's v grows upward."""
    order = np.array(spec["faces"], np.int64).reshape(-1)
    points = np.array(spec["vertices"], np.float64).reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    normals = None
    if "normals" in spec:
        normals = np.array(spec["normals"], np.float64).reshape(-1, 3) @ np.linalg.inv(matrix[:3, :3])
        normals = (normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30))[order]
    uv = None
    if spec.get("texturecoords"):
        uv = np.array(spec["texturecoords"][0], np.float64).reshape(-1, spec["numuvcomponents"][0])[order, :2]
        uv = np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1)
    return points[order] * scale, uv, normals


def material_facts(spec: dict[str, Any], beside: Path, folder: Path) -> MaterialFacts:
    """Values and maps by slot; an embedded map (`*0`) has no digest here, only its slot."""
    facts = MaterialFacts()
    for entry in spec["properties"]:
        key, value = entry["key"], entry["value"]
        if key == "?mat.name":
            facts.name = value
        elif key in FACTORS:
            facts.values[FACTORS[key]] = list(map(float, value if isinstance(value, list) else [value]))
        elif key == "$tex.file" and entry["semantic"] in SEMANTICS:
            file = beside / value.replace("\\", "/")
            found = keep_image(folder, file.read_bytes()) if file.is_file() else value
            facts.maps.setdefault(SEMANTICS[entry["semantic"]], [found, ""])
    return facts
