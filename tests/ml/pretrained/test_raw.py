"""From a model's mesh to an asset: frames, winding, welding, colours and what is no mesh at all."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ml.asset import Asset, InputError
from ml.generators.pretrained.card import Axis
from ml.generators.pretrained.frames import to_house
from ml.generators.pretrained.raw import RawMesh, from_trimesh, linear_colors, to_asset, to_numpy

AXES = st.sampled_from(get_args(Axis))


@given(AXES, AXES)
def test_frames_are_rotations_that_take_up_and_front_home(up: Axis, front: Axis) -> None:
    if up[1] == front[1]:
        with pytest.raises(ValueError, match="parallel"):
            to_house(up, front)
        return
    turn = to_house(up, front)
    np.testing.assert_array_equal(turn @ turn.T, np.eye(3))
    assert np.linalg.det(turn) == pytest.approx(1.0)
    ends = {
        axis: np.where(np.array(list("xyz")) == axis[1], 1.0 if axis[0] == "+" else -1.0, 0.0) for axis in (up, front)
    }
    np.testing.assert_array_equal(turn @ ends[up], [0, 1, 0])
    np.testing.assert_array_equal(turn @ ends[front], [0, 0, 1])


def built(raw: RawMesh | None, up: Axis = "+y", front: Axis = "+z") -> Asset:
    asset = to_asset(raw, "a", up, front)
    assert isinstance(asset, Asset), asset
    return asset


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("away", [0.0, 100.0])
def test_faces_wind_outward_whatever_the_model_did(mesh: trimesh.Trimesh, turned: bool, away: float) -> None:
    faces = mesh.faces[:, ::-1] if turned else mesh.faces
    part = built(RawMesh(mesh.vertices + away, faces), "+z", "+x").parts[0]
    again = trimesh.Trimesh(part.vertices, part.faces, process=False)
    assert again.volume == pytest.approx(1 / 3, rel=1e-3)
    np.testing.assert_allclose(np.ptp(part.vertices, axis=0), [0.5, 1.0, 2.0], atol=1e-4)


def test_corners_of_each_triangle_are_welded_but_not_across_a_seam(mesh: trimesh.Trimesh) -> None:
    loose = mesh.vertices[mesh.faces].reshape(-1, 3)
    index = np.arange(len(loose)).reshape(-1, 3)
    assert len(built(RawMesh(loose, index)).parts[0].vertices) == 5
    uv = np.zeros((len(loose), 2))
    uv[:3] = 0.5  # one triangle on a chart of its own
    part = built(RawMesh(loose, index, uv=uv)).parts[0]
    assert len(part.vertices) == 8
    np.testing.assert_allclose(np.sort(part.vertices[part.faces].reshape(-1)), np.sort(loose.reshape(-1)), atol=1e-6)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        RawMesh(None, None),
        RawMesh(np.zeros((0, 3)), np.zeros((0, 3), int)),
        RawMesh(np.zeros((0, 3)), np.array([[0, 1, 2]] * 9)),
        RawMesh(np.eye(3), np.array([[0, 1, 2]])),
        RawMesh(np.zeros((3, 3)), np.array([[0, 1, 2]] * 9)),
    ],
)
def test_what_stands_for_a_failed_item_is_no_mesh(raw: RawMesh | None) -> None:
    answer = to_asset(raw, "a")
    assert isinstance(answer, InputError)
    assert answer.code == "model.no-surface"


def test_a_broken_mesh_is_an_answer_not_an_exception(mesh: trimesh.Trimesh) -> None:
    for vertices, faces, code in (
        (mesh.vertices * np.nan, mesh.faces, "mesh.not-finite"),
        (np.where(mesh.vertices == 1.0, np.inf, mesh.vertices), mesh.faces, "mesh.not-finite"),
        (mesh.vertices, mesh.faces + 1, "mesh.bad-index"),
    ):
        answer = to_asset(RawMesh(vertices, faces), "a")
        assert isinstance(answer, InputError)
        assert answer.code == code


def test_tensors_of_any_type_are_read(mesh: trimesh.Trimesh) -> None:
    vertices = torch.tensor(mesh.vertices, dtype=torch.bfloat16).requires_grad_()
    assert to_numpy(vertices).dtype == np.float32
    assert built(RawMesh(vertices, torch.tensor(mesh.faces))).face_count == 6


def test_vertex_colours_become_linear() -> None:
    grey = np.full((4, 3), 0.5)
    np.testing.assert_array_equal(linear_colors(grey, "linear")[0], [128, 128, 128, 255])
    np.testing.assert_array_equal(linear_colors(grey, "srgb")[0], [55, 55, 55, 255])  # 0.5 sRGB is 0.214 linear
    np.testing.assert_array_equal(linear_colors(np.full((1, 4), 7, np.uint8), "linear")[0], [7, 7, 7, 7])


def test_textures_keep_their_place_and_alpha_is_not_lost_to_an_opaque_mode(mesh: trimesh.Trimesh) -> None:
    pixels = np.full((4, 4, 4), 255, np.uint8)
    pixels[:2, :, 3] = 100
    pixels[0, 0, :3] = (255, 0, 0)
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=Image.fromarray(pixels), roughnessFactor=0.3, metallicFactor=0.7, alphaMode="OPAQUE"
    )
    uv = np.tile([0.1, 0.9], (5, 1))  # v grows upward: the top left pixel
    mesh.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    part = built(from_trimesh(mesh)).parts[0]
    assert part.uv is not None
    np.testing.assert_allclose(part.uv[0], [0.1, 0.1], atol=1e-6)
    assert (part.material.alpha_mode, part.material.roughness, part.material.metallic) == ("BLEND", 0.3, 0.7)
    assert part.material.base_color_texture is not None
    np.testing.assert_array_equal(part.material.base_color_texture.pixels()[0, 0], [255, 0, 0, 100])
