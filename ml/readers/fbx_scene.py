"""Reads FBX with ufbx, in the process that `apart` starts: polygons in the world at the first frame, PBR materials."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ml.asset import InputError
from ml.readers.apart import Scene, SceneMaterial, ScenePart, Values
from ml.readers.limits import ReadLimits
from ml.srgb import to_linear

# What ufbx makes of FBX's Phong, Maya's Arnold, 3ds Max's Physical and other shaders.
MAPS = {
    "base_color": "base_color",
    "normal_map": "normal",
    "emission_color": "emissive",
    "roughness": "roughness",
    "metalness": "metallic",
    "ambient_occlusion": "occlusion",
}


def read_scene(path: str, limits: ReadLimits) -> Scene:
    """Every mesh that is shown, in metres and Y up, skins and blend shapes applied at the start of the animation.

    Raises InputError `mesh.broken` with ufbx's word, `mesh.too-large`.
    """
    import ufbx

    axes = ufbx.axes_right_handed_y_up
    try:
        scene = kept(
            ufbx.load_file(
                path, target_unit_meters=1.0, target_axes=axes, evaluate_skinning=True, use_blender_pbr_material=True
            )
        )
        if len(kept(scene.anim_stacks)):
            moving = kept(scene.anim)
            scene = kept(ufbx.evaluate_scene(scene, moving, moving.time_begin, evaluate_skinning=True))
    except ufbx.UfbxError as error:
        raise InputError("mesh.broken", f"not an FBX that can be read: {error}") from error
    found = Scene()
    materials: dict[int, int] = {}
    faces = 0
    for node in each(scene.nodes):
        mesh = node.mesh
        if mesh is not None and node.visible:
            faces += kept(mesh).num_triangles
            limits.check(faces)
            _add(found, node, mesh, materials)
    return found


def kept(thing: Any) -> Any:
    """`thing` for ever: the binding (0.0.5) frees elements that it still hands out."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    return thing


def each(things: Any) -> list[Any]:
    """The elements of one of ufbx's lists."""
    return [kept(things[index]) for index in range(len(kept(things)))]


def _add(scene: Scene, node: Any, mesh: Any, materials: dict[int, int]) -> None:
    """A part for each material of a node."""
    faces = np.array(kept(mesh.faces), np.int64).reshape(-1, 2)
    of_face = np.array(kept(mesh.face_material), np.int64)
    own = each(node.materials)
    of_face = of_face if len(of_face) == len(faces) else np.zeros(len(faces), np.int64)
    world = np.eye(4)
    if mesh.skinned_is_local:
        place = kept(node.geometry_to_world)
        world[:3] = np.array([_xyz(kept(getattr(place, name)))[:3] for name in ("c0", "c1", "c2", "c3")]).T
    points, at = _stream(mesh.skinned_position)
    points = points @ world[:3, :3].T + world[:3, 3]
    mirrored = np.linalg.det(world[:3, :3]) < 0.0
    attributes = _attributes(mesh, world)
    for number in np.unique(of_face):
        chosen = faces[of_face == number]
        chosen = chosen[chosen[:, 1] >= 3]
        corners = _corners(chosen, bool(mirrored))
        material = _material(scene, own[number], materials) if 0 <= number < len(own) else -1
        mine = {name: (values, index[corners]) for name, (values, index) in attributes.items()}
        scene.parts.append(ScenePart(node.name, material, points, at[corners], chosen[:, 1], mine))


def _corners(faces: Values, mirrored: bool) -> Values:
    """Numbers of the corners of polygons (first, count), turned round where a transform mirrors."""
    first, count = faces.T
    total = int(count.sum())
    start = np.cumsum(count) - count
    step = np.arange(total) - np.repeat(start, count)
    ends = np.repeat(count, count)
    corners: Values = np.repeat(first, count) + (ends - 1 - step if mirrored else step)
    return corners


def _attributes(mesh: Any, world: Values) -> dict[str, tuple[Values, Values]]:
    found: dict[str, tuple[Values, Values]] = {}
    if kept(mesh.skinned_normal).exists and not mesh.generated_normals:
        values, index = _stream(mesh.skinned_normal)
        cofactor = np.linalg.det(world[:3, :3]) * np.linalg.pinv(world[:3, :3]).T
        found["normals"] = (values @ cofactor.T, index)
    if kept(mesh.vertex_uv).exists:
        found["uv"] = _stream(mesh.vertex_uv)
    if kept(mesh.vertex_color).exists:
        values, index = _stream(mesh.vertex_color)
        values[:, :3] = to_linear(np.clip(values[:, :3], 0.0, 1.0))
        found["colors"] = (values, index)
    return found


def _stream(stream: Any) -> tuple[Values, Values]:
    """Values and the index of each corner."""
    return np.array(kept(kept(stream).values), np.float64), np.array(kept(stream.indices), np.int64)


def _material(scene: Scene, material: Any, known: dict[int, int]) -> int:
    if material.element_id not in known:
        known[material.element_id] = len(scene.materials)
        scene.materials.append(_read_material(scene, material))
    return known[material.element_id]


def _read_material(scene: Scene, material: Any) -> SceneMaterial:
    pbr = kept(material.pbr)
    value = {
        name: _xyz(kept(kept(getattr(pbr, name)).value_vec4)) for name in (*MAPS, "base_factor", "emission_factor")
    }
    given = {name: kept(getattr(pbr, name)).has_value for name in value}
    base = value["base_factor"][0] if given["base_factor"] else 1.0
    found = SceneMaterial(material.name)
    if given["base_color"]:
        found.base_color = [min(base * each, 1.0) for each in value["base_color"][:3]] + [1.0]
    found.base_color[3] = _alpha(material)
    if given["roughness"]:
        found.roughness = min(max(value["roughness"][0], 0.0), 1.0)
    if given["metalness"]:
        found.metallic = min(max(value["metalness"][0], 0.0), 1.0)
    glow = value["emission_factor"][0] if given["emission_factor"] else 1.0
    found.emissive = [min(max(glow * each, 0.0), 1.0) for each in value["emission_color"][:3]]
    for name, slot in MAPS.items():
        texture = kept(getattr(pbr, name)).texture
        if texture is not None:
            found.maps[slot] = _image(scene, kept(texture))
    return found


def _alpha(material: Any) -> float:
    """Opacity where it is said, else what a transparency between its ends leaves: exporters write 1 for opaque, too."""
    props = {prop.name: _xyz(kept(prop.value_vec4))[0] for prop in each(kept(material.props).props)}
    left = 1.0 - props.get("TransparencyFactor", 0.0)
    return min(max(props.get("Opacity", left if 0.0 < left < 1.0 else 1.0), 0.0), 1.0)


def _image(scene: Scene, texture: Any) -> int | str:
    """The number of an embedded image, or the name of its file."""
    content = bytes(texture.content)
    if not content:
        return str(texture.relative_filename or texture.filename)
    if content not in scene.images:
        scene.images.append(content)
    return scene.images.index(content)


def _xyz(vector: Any) -> list[float]:
    return [float(getattr(vector, axis)) for axis in "xyzw" if hasattr(vector, axis)]
