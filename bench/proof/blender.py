"""Opens a file in Blender, says what its importer made of it, and draws it with Cycles under a plain white sky."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

SIZE = 128
SAMPLES = 8
VIEW_ANGLE = 30.0
DIRECTION = np.array([0.55, -0.7, 0.45])  # render.py's, in Blender's frame: Z up, front −Y
IMPORTERS = {
    ".glb": lambda path: bpy.ops.import_scene.gltf(filepath=path),
    ".gltf": lambda path: bpy.ops.import_scene.gltf(filepath=path),
    ".obj": lambda path: bpy.ops.wm.obj_import(filepath=path),
    ".fbx": lambda path: bpy.ops.import_scene.fbx(filepath=path),
    ".usdz": lambda path: bpy.ops.wm.usd_import(filepath=path, import_usd_preview=True),
    ".ply": lambda path: bpy.ops.wm.ply_import(filepath=path, forward_axis="NEGATIVE_Z", up_axis="Y"),
    ".stl": lambda path: bpy.ops.wm.stl_import(filepath=path, global_scale=1e-3),
}
INPUTS = {"Base Color": "base_color", "Roughness": "roughness", "Metallic": "metallic", "Normal": "normal",
          "Emission Color": "emissive", "Alpha": "alpha"}  # fmt: skip


def read(path: Path, folder: Path, name: str = "", centre: Any = (0, 0, 0), radius: float = 1.0) -> dict[str, Any]:
    """What the scene holds: objects by name with their faces, map slots in use by material, and the box in metres
    with Y up; with a `name` also `folder`/`name`.png, the view of a sphere given in metres with Y up."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    IMPORTERS[path.suffix](str(path))
    meshes = [thing for thing in bpy.context.scene.objects if thing.type == "MESH"]
    if not meshes:
        raise ValueError("Blender imported no mesh")
    bpy.context.view_layer.update()
    corners = np.concatenate([world_vertices(thing) for thing in meshes])
    upright = corners[:, [0, 2, 1]] * [1.0, 1.0, -1.0]
    materials = {slot.material for thing in meshes for slot in thing.material_slots if slot.material}
    facts: dict[str, Any] = {
        "objects": {thing.name: len(thing.data.polygons) for thing in meshes},
        "bounds": [upright.min(axis=0).tolist(), upright.max(axis=0).tolist()],
        "maps": {material.name: sorted(slots_of(material)) for material in materials},
    }
    if name:
        show_colors(meshes, path.suffix == ".usdz")
        facts["picture"] = picture(folder / f"{name}.png", np.array(centre), radius)
    return facts


def world_vertices(thing: Any) -> np.ndarray:
    """(n, 3) vertices of an object in the scene's frame."""
    points = np.empty(3 * len(thing.data.vertices), np.float32)
    thing.data.vertices.foreach_get("co", points)
    matrix = np.array(thing.matrix_world)
    return points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def show_colors(meshes: list[Any], whole: bool) -> None:
    """Show vertex colours, which importers but glTF's read into attributes that no material looks at: as a factor of
    the base colour, or as the `whole` of it.
    """
    for thing in meshes:
        if not thing.data.color_attributes:
            continue
        for slot in thing.material_slots:
            slot.material = slot.material.copy()
            tree = slot.material.node_tree
            if any(node.type == "VERTEX_COLOR" for node in tree.nodes):
                continue
            surface = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
            reader, product = tree.nodes.new("ShaderNodeVertexColor"), tree.nodes.new("ShaderNodeMix")
            reader.layer_name = thing.data.color_attributes[0].name
            product.data_type, product.blend_type, product.inputs["Factor"].default_value = "RGBA", "MULTIPLY", 1.0
            one, other, result = product.inputs[6], product.inputs[7], product.outputs[2]  # those for colours
            base = surface.inputs["Base Color"]
            one.default_value = (1.0, 1.0, 1.0, 1.0) if whole else base.default_value
            for link in base.links:
                tree.links.new(link.from_socket, one)
            tree.links.new(reader.outputs["Color"], other)
            tree.links.new(result, base)


def slots_of(material: Any) -> set[str]:
    """Inputs of the Principled node that an image reaches."""
    found = set()
    for node in material.node_tree.nodes if material.use_nodes else ():
        if node.type == "BSDF_PRINCIPLED":
            found |= {slot for name, slot in INPUTS.items() if fed_by_image(node.inputs[name])}
    return found


def fed_by_image(entry: Any) -> bool:
    """Whether an image with pixels lies anywhere behind an input."""
    for link in entry.links:
        node = link.from_node
        if node.type == "TEX_IMAGE":
            return node.image is not None and node.image.size[0] > 0
        if any(fed_by_image(other) for other in node.inputs):
            return True
    return False


def picture(path: Path, centre: np.ndarray, radius: float) -> str:
    """Cycles with one bounce of light from a white sky; the seed is fixed, so equal scenes have equal noise."""
    scene = bpy.context.scene
    middle = centre[[0, 2, 1]] * [1.0, -1.0, 1.0]
    way = DIRECTION / np.linalg.norm(DIRECTION)
    data = bpy.data.cameras.new("camera")
    data.angle, data.clip_start, data.clip_end = np.radians(VIEW_ANGLE), radius * 0.01, radius * 100
    camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(camera)
    camera.location = middle + way * radius / np.sin(np.radians(VIEW_ANGLE / 2))
    camera.rotation_euler = (bpy_vector(-way)).to_track_quat("-Z", "Y").to_euler()
    scene.camera = camera
    world = scene.world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (1.0, 1.0, 1.0, 1.0)
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.max_bounces, scene.cycles.use_denoising = SAMPLES, 1, False
    scene.cycles.use_adaptive_sampling = False
    scene.render.resolution_x = scene.render.resolution_y = SIZE
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.view_settings.view_transform = "Standard"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    return str(path)


def bpy_vector(values: np.ndarray) -> Any:
    """Blender's own vector."""
    from mathutils import Vector

    return Vector(values.tolist())
