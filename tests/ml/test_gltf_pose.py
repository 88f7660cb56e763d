"""Morph targets at their weights, instances of one node, and skins of more than four joints a vertex."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml.asset import InputError
from ml.readers.gltf import read_glb
from ml.readers.limits import ReadLimits
from tests.ml.gltf_builder import CORNERS, Builder, tetra

UP = np.float32([[0, 1, 0]] * 4)
SIDE = np.float32([[1, 0, 0], [0, 0, 0], [0, 0, 0], [2, 0, 0]])


def morphing() -> Builder:
    """A tetrahedron with two targets, one of them moving all of it up."""
    builder = Builder()
    targets = [{"POSITION": builder.array(UP)}, {"POSITION": builder.array(SIDE)}]
    return builder.mesh(tetra(builder) | {"targets": targets})


def points(builder: Builder) -> np.ndarray:
    return read_glb(builder.glb()).parts[0].vertices


def animated(builder: Builder, values: list[float], interpolation: str = "LINEAR") -> Builder:
    """With weights at two keyframes."""
    builder.json.pop("buffers", None)  # it grows
    sampler = {"input": builder.array([0.0, 1.0]), "output": builder.array(values), "interpolation": interpolation}
    channels = [{"sampler": 0, "target": {"node": 0, "path": "weights"}}]
    builder.json["animations"] = [{"channels": channels, "samplers": [sampler]}]
    return builder


def test_the_weights_of_frame_0_go_before_the_nodes_and_these_before_the_meshs() -> None:
    builder = morphing()
    assert points(builder) == pytest.approx(CORNERS)
    builder.json["meshes"][0]["weights"] = [0.5, 0]
    assert points(builder) == pytest.approx(CORNERS + 0.5 * UP)
    builder.json["nodes"][0]["weights"] = [-1, 2]
    assert points(builder) == pytest.approx(CORNERS - UP + 2 * SIDE)
    assert points(animated(builder, [0, 3, 9, 9])) == pytest.approx(CORNERS + 3 * SIDE)
    cubic = animated(morphing(), [7, 7, 0.25, 1, 8, 8, *[9] * 6], "CUBICSPLINE")
    assert points(cubic) == pytest.approx(CORNERS + 0.25 * UP + SIDE)
    assert "morph targets baked" in read_glb(cubic.glb()).notes["import_notes"]


def test_two_nodes_show_one_mesh_each_with_its_weights_and_transform() -> None:
    builder = morphing()
    builder.json["nodes"] = [{"mesh": 0, "weights": [1, 0]}, {"mesh": 0, "weights": [0, 1], "scale": [2, 2, 2]}]
    builder.json["scenes"] = [{"nodes": [0, 1]}]
    one, other = read_glb(builder.glb()).parts
    assert one.vertices == pytest.approx(CORNERS + UP)
    assert other.vertices == pytest.approx(2 * (CORNERS + SIDE))


def test_normals_are_displaced_too() -> None:
    builder = Builder()
    solid = tetra(builder, NORMAL=builder.array(UP))
    builder.mesh(solid | {"targets": [{"NORMAL": builder.array(np.float32([[1, 0, 0]] * 4))}]})
    builder.json["nodes"][0]["weights"] = [1]
    normals = read_glb(builder.glb()).parts[0].normals
    assert normals is not None
    assert normals == pytest.approx(np.array([[1, 1, 0]] * 4) / np.sqrt(2))


@pytest.mark.parametrize(("kind", "grey"), [("<f4", 0.2), ("<B", 51)])
def test_coordinates_and_colours_are_displaced_too(kind: str, grey: float) -> None:
    builder = Builder()
    solid = tetra(
        builder,
        TEXCOORD_0=builder.array(CORNERS[:, :2]),
        TEXCOORD_1=builder.array(CORNERS[:, 1:]),
        COLOR_0=builder.array(np.full((4, 4), grey), kind, normalized=kind == "<B"),
    )
    redder = {"COLOR_0": builder.array([[0.4, 0, 0, 0]] * 4)}
    shifted = {name: builder.array([[0.25, 0.5]] * 4) for name in ("TEXCOORD_0", "TEXCOORD_1")}
    builder.mesh(solid | {"targets": [redder | shifted, {"COLOR_0": builder.array([[0, 9, -9, 1]] * 4)}]})
    plain = read_glb(builder.glb()).parts[0].colors
    assert plain is not None
    assert plain.tolist() == [[51] * 4] * 4
    builder.json["nodes"][0]["weights"] = [2, 1]
    part = read_glb(builder.glb()).parts[0]
    assert part.uv == pytest.approx(CORNERS[:, :2] + [0.5, 1.0])
    assert part.uv1 == pytest.approx(CORNERS[:, 1:] + [0.5, 1.0])
    assert part.colors is not None
    assert part.colors.tolist() == [[255, 255, 0, 255]] * 4
    builder.json["nodes"][0]["weights"] = [0.5, 0]
    half = read_glb(builder.glb()).parts[0].colors
    assert half is not None
    assert half.tolist() == [[102, 51, 51, 51]] * 4


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], "no", [1, None], [[1, 2]], [float("nan"), 0], {"0": 1}])
def test_weights_that_do_not_fit_are_broken(weights: Any) -> None:
    builder = morphing()
    builder.json["nodes"][0]["weights"] = weights
    assert refused(builder) == "mesh.broken"


@pytest.mark.parametrize("targets", [3, [3], [{"POSITION": 99}], [{"POSITION": 3}], {"0": 1}])
def test_targets_that_are_none_are_broken(targets: Any) -> None:
    builder = morphing()
    builder.json["meshes"][0]["primitives"][0]["targets"] = targets
    builder.json["nodes"][0]["weights"] = [1]
    assert refused(builder) == "mesh.broken"


def refused(builder: Builder, limits: ReadLimits = ReadLimits()) -> str:
    with pytest.raises(InputError) as caught:
        read_glb(builder.glb(), limits)
    return caught.value.code


def test_many_targets_count_together() -> None:
    builder = morphing()
    target = builder.json["meshes"][0]["primitives"][0]["targets"][0]
    builder.json["meshes"][0]["primitives"][0]["targets"] = [target] * 10
    builder.json["meshes"][0]["weights"] = [1] * 10
    assert refused(builder, ReadLimits(max_faces=12)) == "mesh.too-large"


def instanced(**attributes: Any) -> Builder:
    builder = Builder()
    builder.mesh(tetra(builder)).json["nodes"][0]["translation"] = [0, 0, 5]
    found = {key: builder.array(np.float32(values)) for key, values in attributes.items()}
    builder.json["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": found}}
    builder.json["extensionsRequired"] = ["EXT_mesh_gpu_instancing"]
    return builder


def test_every_instance_of_a_node_is_a_part_below_the_nodes_transform() -> None:
    half = float(np.sqrt(0.5))
    builder = instanced(
        TRANSLATION=[[1, 0, 0], [0, 2, 0]],
        ROTATION=[[0, 0, 0, 1], [0, 0, half, half]],  # none, and a quarter about Z
        SCALE=[[1, 1, 1], [3, 3, 3]],
        _OWN=[[0, 0, 0], [0, 0, 0]],
    )
    one, other = read_glb(builder.glb()).parts
    assert one.vertices == pytest.approx(CORNERS + np.array([1, 0, 5]))
    turned = 3 * CORNERS @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    assert other.vertices == pytest.approx(turned + np.array([0, 2, 5]), abs=1e-5)


def test_instances_that_do_not_fit_are_broken_and_too_many_too_large() -> None:
    assert refused(instanced(TRANSLATION=[[1, 0, 0]], SCALE=[[1, 1, 1]] * 2)) == "mesh.broken"
    assert refused(instanced(TRANSLATION=[[1, 0]])) == "mesh.broken"
    assert refused(instanced()) == "mesh.broken"
    assert refused(instanced(TRANSLATION=[[1, 0, 0]] * 9), ReadLimits(max_faces=30)) == "mesh.too-large"
    many = instanced(TRANSLATION=[[1, 0, 0]])
    many.json["accessors"].append({"componentType": 5126, "type": "VEC3", "count": 10**6})  # zeros
    many.json["nodes"][0]["extensions"]["EXT_mesh_gpu_instancing"]["attributes"]["TRANSLATION"] = 3
    assert refused(many) == "mesh.too-large"


def test_a_second_set_of_joints_has_its_share() -> None:
    builder = Builder()
    joints = {f"JOINTS_{number}": builder.array([[number] * 4] * 4, "|u1") for number in (0, 1)}
    weights = {f"WEIGHTS_{number}": builder.array([[0.5, 0, 0, 0]] * 4) for number in (0, 1)}
    builder.mesh(tetra(builder, **joints, **weights)).json["skins"] = [{"joints": [1, 2]}]
    builder.json["nodes"] = [{"mesh": 0, "skin": 0}, {"translation": [4, 0, 0]}, {"translation": [0, 2, 0]}]
    builder.json["scenes"] = [{"nodes": [0, 1, 2]}]
    assert points(builder) == pytest.approx(CORNERS + np.array([2, 1, 0]))
