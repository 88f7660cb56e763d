"""A USD skin is read where its skeleton and blend shapes hold it at the first frame; one that does not fit is noted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.asset import Asset
from ml.readers.registry import read_mesh
from ml.sources import Source

pytestmark = pytest.mark.slow  # each file is read in a process of its own

ONE = "((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), ({}, {}, {}, 1))"
STAGE = """#usda 1.0
(
    startTimeCode = 5
    endTimeCode = 9
    metersPerUnit = 1
    upAxis = "Y"
)
def SkelRoot "Root" {{
    double3 xformOp:translate = (10, 0, 0)
    uniform token[] xformOpOrder = ["xformOp:translate"]
    def Skeleton "Skel" ( prepend apiSchemas = ["SkelBindingAPI"] ) {{
        uniform token[] joints = ["hip", "hip/knee"]
        uniform matrix4d[] bindTransforms = [{rest}, {bound}]
        uniform matrix4d[] restTransforms = [{rest}, {bound}]
        rel skel:animationSource = {animation}
    }}
    def SkelAnimation "Anim" {{
        uniform token[] joints = ["hip/knee"]
        float3[] translations.timeSamples = {{ 5: [(0, 2, 0)], 9: [(0, 9, 0)] }}
        quatf[] rotations = [(0.70710678, 0, 0, 0.70710678)]
        half3[] scales = [(1, 1, 1)]
        uniform token[] blendShapes = ["other", "fat"]
        float[] blendShapeWeights.timeSamples = {{ 5: [0, {weight}], 9: [1, 1] }}
    }}
    def Mesh "Leg" ( prepend apiSchemas = ["SkelBindingAPI"] ) {{
        double3 xformOp:translate = (0, 0, 99)
        uniform token[] xformOpOrder = ["xformOp:translate"]
        rel skel:skeleton = </Root/Skel>
        int[] faceVertexCounts = [3, 3]
        int[] faceVertexIndices = [0, 1, 2, 0, 2, 3]
        point3f[] points = [(0, 0, 0), (1, 0, 0), (1, 2, 0), (0, 2, 0)]
        normal3f[] normals = [(1, 0, 0), (1, 0, 0), (1, 0, 0), (1, 0, 0), (1, 0, 0), (1, 0, 0)] (
            interpolation = "faceVarying"
        )
        int[] primvars:skel:jointIndices = {joints} (
            interpolation = "vertex"
            elementSize = 1
        )
        float[] primvars:skel:jointWeights = [1, 1, 1, 1] (
            interpolation = "vertex"
            elementSize = 1
        )
        uniform token[] skel:blendShapes = ["fat"]
        rel skel:blendShapeTargets = </Root/Leg/fat>
        def BlendShape "fat" {{
            uniform vector3f[] offsets = [(0, 0, 8)]
            uniform int[] pointIndices = {moved}
        }}
    }}
}}
"""


def read(
    folder: Path, joints: str = "[0, 0, 1, 1]", weight: float = 0, animation: str = "</Root/Anim>", moved: str = "[1]"
) -> Asset:
    rest, bound = ONE.format(0, 0, 0), ONE.format(0, 1, 0)
    text = STAGE.format(rest=rest, bound=bound, joints=joints, weight=weight, animation=animation, moved=moved)
    (folder / "x.usda").write_text(text)
    return read_mesh(Source(str(folder / "x.usda"), str(folder)))


# The knee stands at y = 1 and is bent there by a quarter about Z at y = 2; the mesh's own transform does not count.
BENT = [(10, 0, 0), (11, 0, 0), (9, 3, 0), (9, 2, 0)]


def rows(values: np.ndarray) -> set[tuple[float, ...]]:
    return {tuple(row) for row in np.round(values, 4).tolist()}


def test_points_and_normals_follow_the_skeleton_at_the_first_frame(tmp_path: Path) -> None:
    (part,) = read(tmp_path).parts
    assert rows(part.vertices) == rows(np.array(BENT, float))
    assert part.normals is not None
    for point, normal in zip(part.vertices, part.normals, strict=True):
        bent = point[1] > 1
        assert normal == pytest.approx((0, 1, 0) if bent else (1, 0, 0), abs=1e-5)


def test_blend_shapes_have_the_weights_of_the_first_frame(tmp_path: Path) -> None:
    asset = read(tmp_path, weight=0.5)
    expected = np.array([BENT[0], (11, 0, 4), *BENT[2:]], float)
    assert rows(asset.parts[0].vertices) == rows(expected)
    assert "import_notes" not in asset.notes


def test_without_an_animation_the_rest_pose_holds(tmp_path: Path) -> None:
    (part,) = read(tmp_path, animation="</Root/Nobody>").parts
    assert rows(part.vertices) == rows(np.array([(10, 0, 0), (11, 0, 0), (11, 2, 0), (10, 2, 0)], float))


@pytest.mark.parametrize("wrong", [{"joints": "[0, 0, 1]"}, {"joints": "[0, 0, 1, 7]"}, {"moved": "[9]", "weight": 1}])
def test_what_does_not_fit_is_left_at_rest_and_noted(wrong: dict[str, str], tmp_path: Path) -> None:
    asset = read(tmp_path, **wrong)  # type: ignore[arg-type]
    assert asset.parts[0].vertices[:, 2].max() == 99
    assert "Leg left in its rest pose" in asset.notes["import_notes"]
