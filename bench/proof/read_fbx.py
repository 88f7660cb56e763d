"""Reads FBX with ufbx; the bytes of embedded maps come from a walk over the file's own records."""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path
from typing import Any

import numpy as np
import ufbx
from facts import Facts, MaterialFacts, PartFacts, gathered, keep_image, linear_of

SLOTS = {
    "DiffuseColor": "base_color", "NormalMap": "normal", "Bump": "normal", "EmissiveColor": "emissive",
    "ShininessExponent": "roughness", "Shininess": "roughness", "ReflectionFactor": "metallic",
    "AmbientColor": "occlusion", "TransparencyFactor": "alpha", "TransparentColor": "alpha",
}  # fmt: skip


def kept(thing: Any) -> Any:
    """`thing` for ever: ufbx 0.0.5 frees elements that it still hands out."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    return thing


def each(things: Any) -> list[Any]:
    """The elements of one of ufbx's lists, kept."""
    return [kept(things[index]) for index in range(len(kept(things)))]


def read(path: Path, folder: Path) -> Facts:
    """Facts of every mesh node, in metres by the file's own unit; raises where ufbx warns of a broken structure."""
    scene = kept(ufbx.load_file(str(path), target_unit_meters=1.0, target_axes=ufbx.axes_right_handed_y_up))
    pieces, parts, materials = [], [], {}
    contents = images_of(path)
    for node in each(scene.nodes):
        mesh = node.mesh
        if mesh is None:
            continue
        pieces.append(piece(kept(mesh), node))
        found = each(node.materials)
        parts.append(PartFacts(node.name, mesh.num_triangles, str(found[0].element_id) if found else ""))
        for material in found:
            materials[str(material.element_id)] = material_facts(material, contents, path.parent, folder)
    sizes = {keep_image(folder, data): len(data) for data in contents.values()}
    facts = Facts(**gathered(pieces), parts=parts, materials=materials, images=sizes)
    settings, metadata = kept(scene.settings), kept(scene.metadata)
    facts.warnings = [warning.description for warning in each(metadata.warnings)]
    facts.metadata = {prop.name: prop.value_str for prop in each(kept(metadata.scene_props).props)}
    facts.metadata |= {"unit_m": str(settings.original_unit_meters), "creator": metadata.creator}
    return facts


def piece(mesh: Any, node: Any) -> tuple[Any, ...]:
    """(corners, uv, normals, second uv, colours made linear) of a node's triangles."""
    if mesh.max_face_triangles != 1 or mesh.num_faces != mesh.num_triangles:
        raise ValueError("not all faces are triangles")
    place = kept(node.geometry_to_world)
    matrix = np.array([xyz(kept(getattr(place, name))) for name in ("c0", "c1", "c2", "c3")], np.float64).T
    points = values(kept(mesh.vertex_position))[:, :3] @ matrix[:, :3].T + matrix[:, 3]
    sets = [values(kept(kept(uv_set).vertex_uv)) for uv_set in each(mesh.uv_sets)]
    uv, uv1, *_ = [*(np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1) for uv in sets), None, None]
    colors = linear_of(values(kept(mesh.vertex_color))) if mesh.vertex_color.exists else None
    normals = values(kept(mesh.vertex_normal)) @ np.linalg.inv(matrix[:, :3]) if mesh.vertex_normal.exists else None
    if normals is not None:
        normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    return points, uv, normals, uv1, colors


def values(stream: Any) -> np.ndarray:
    """A vertex stream, one row a corner."""
    rows = np.array(kept(stream.values), np.float64)
    return rows[np.array(kept(stream.indices), np.int64)]


def material_facts(material: Any, contents: dict[str, bytes], beside: Path, folder: Path) -> MaterialFacts:
    """Phong properties as importers turn them into metallic-roughness (Blender's io_scene_fbx), and maps by slot."""
    facts = MaterialFacts(material.name)
    props = {prop.name: xyz(kept(prop.value_vec4)) for prop in each(kept(material.props).props)}
    shininess = props.get("ShininessExponent", props.get("Shininess", [20.0]))[0]
    facts.values = {
        "base_color": scaled(props, "DiffuseColor", "DiffuseFactor"),
        "emissive": scaled(props, "EmissiveColor", "EmissiveFactor"),
        "metallic": props.get("ReflectionFactor", [0.0])[:1],
        "roughness": [1.0 - max(shininess, 0.0) ** 0.5 / 10.0],
        "alpha": props.get("Opacity", [1.0])[:1],
        "normal_scale": props.get("BumpFactor", [1.0])[:1],
    }
    for entry in each(material.textures):
        name = kept(entry.texture).relative_filename.replace("\\", "/")
        data = contents.get(Path(name).name) or (beside / name).read_bytes()
        slot = SLOTS.get(entry.material_prop, entry.material_prop)
        facts.maps[slot] = [keep_image(folder, data), "a" if slot == "alpha" else "rgb"]
        if slot in ("roughness", "metallic"):  # the map takes the value's place
            facts.values[slot] = [1.0]
    return facts


def xyz(vector: Any) -> list[float]:
    """Its first three numbers."""
    return [vector.x, vector.y, vector.z]


def scaled(props: dict[str, list[float]], color: str, factor: str) -> list[float]:
    """A colour times its factor; black where there is none."""
    return [value * props.get(factor, [1.0])[0] for value in props.get(color, [0.0, 0.0, 0.0])]


def images_of(path: Path) -> dict[str, bytes]:
    """File name -> bytes of every embedded video, from the binary records (Blender's "FBX binary file format")."""
    data = path.read_bytes()
    wide = struct.unpack_from("<I", data, 23)[0] >= 7500
    head = struct.Struct("<QQQB" if wide else "<IIIB")
    found: dict[str, bytes] = {}

    def walk(start: int, end: int, above: str, video: dict[str, bytes]) -> None:
        while start < end:
            stop, count, length, letters = head.unpack_from(data, start)
            if stop == 0:
                return
            first = start + head.size
            name = data[first : first + letters].decode()
            mine = {} if name == "Video" else video
            if above == "Video" and count and name in ("Content", "RelativeFilename"):
                at = first + letters
                size = struct.unpack_from("<I", data, at + 1)[0]
                mine[name] = data[at + 5 : at + 5 + size]
            walk(first + letters + length, stop, name, mine)
            if name == "Video" and mine.get("Content"):
                file = mine["RelativeFilename"].decode().replace("\\", "/")
                found[Path(file).name] = mine["Content"]
            start = stop

    walk(27, len(data), "", {})
    return found
