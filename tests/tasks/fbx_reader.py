"""Reads an FBX with ufbx and prints what it holds as JSON: run as a program, since the binding can crash.

`python fbx_reader.py FILE` prints {"error": …} or nodes, meshes, materials, images, units, axes and metadata.
"""

import ctypes
import hashlib
import json
import sys
from typing import Any

import ufbx


def kept(thing: Any) -> Any:
    """`thing` for ever: the binding (0.0.5) frees elements that it still hands out."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    return thing


def each(things: Any) -> list[Any]:
    return [kept(things[index]) for index in range(len(kept(things)))]


def rows(values: Any) -> list[list[float]]:
    return [[getattr(value, axis) for axis in "xyzw" if hasattr(value, axis)] for value in each(values)]


def attribute(corner_values: Any) -> dict[str, Any] | None:
    """Values and corner indices of a vertex attribute."""
    if not corner_values.exists:
        return None
    return {"values": rows(corner_values.values), "index": list(corner_values.indices)}


def read_mesh(mesh: Any) -> dict[str, Any]:
    sets = [{"name": s.name, **(attribute(kept(s.vertex_uv)) or {})} for s in each(mesh.uv_sets)]
    return {
        "name": mesh.name,
        "vertices": rows(mesh.vertices),
        "faces": list(mesh.vertex_indices),
        "sizes": [face.num_indices for face in each(mesh.faces)],
        "normals": attribute(kept(mesh.vertex_normal)),
        "colors": attribute(kept(mesh.vertex_color)),
        "uv": sets,
    }


PBR = ("base_color", "roughness", "metalness", "emission_color", "emission_factor", "opacity", "normal_map")


def read_material(material: Any) -> dict[str, Any]:
    pbr = kept(material.pbr)
    maps = {name: kept(getattr(pbr, name)) for name in PBR}
    slots = {link.material_prop: kept(link.texture).relative_filename for link in each(material.textures)}
    understood = {name: kept(m.texture).relative_filename for name, m in maps.items() if kept(m.texture) is not None}
    values = {name: rows([m.value_vec4])[0] for name, m in maps.items()}
    props = {prop.name: rows([prop.value_vec4])[0] for prop in each(kept(material.props).props)}
    return {"name": material.name, "values": values, "slots": slots, "understood": understood, "props": props}


def read_node(node: Any) -> dict[str, Any]:
    parent, mesh = kept(node.parent), kept(node.mesh)
    return {
        "name": node.name,
        "parent": "" if parent is None else parent.name,
        "kind": kept(node.attrib_type).name,
        "mesh": None if mesh is None else mesh.typed_id,
        "visible": node.visible,
        "materials": [material.typed_id for material in each(node.materials)],
    }


def read(path: str) -> dict[str, Any]:
    scene = kept(ufbx.load_file(path))
    settings, metadata = kept(scene.settings), kept(scene.metadata)
    axes = kept(settings.axes)
    return {
        "nodes": [read_node(node) for node in each(scene.nodes)[1:]],
        "meshes": [read_mesh(mesh) for mesh in each(scene.meshes)],
        "materials": [read_material(material) for material in each(scene.materials)],
        "images": {v.relative_filename: hashlib.sha256(v.content).hexdigest() for v in each(scene.videos)},
        "metres": settings.unit_meters,
        "axes": [kept(axes.right).name, kept(axes.up).name, kept(axes.front).name],
        "metadata": {p.name: p.value_str for p in each(kept(metadata.scene_props).props)},
        "warnings": [warning.description for warning in each(metadata.warnings)],
    }


if __name__ == "__main__":
    try:
        print(json.dumps(read(sys.argv[1])))
    except ufbx.UfbxError as error:
        print(json.dumps({"error": str(error)}))
