"""FBX and USD: what we export comes back, scenes are flattened, what is broken or reaches out is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.asset import Asset, InputError, Material, Part, Texture
from ml.readers import apart
from ml.readers.limits import ReadLimits
from ml.readers.registry import READERS, read_mesh
from ml.sources import Source
from tasks.export_fbx import FbxOptions, export_fbx
from tasks.export_usdz import UsdzOptions, export_usdz
from tests.tasks.export_assets import ball, painted

pytestmark = pytest.mark.slow  # whole runs, services and trainings: seconds each

USDA = """#usda 1.0
(
    metersPerUnit = 0.01
    upAxis = "Z"
    startTimeCode = 5
    endTimeCode = 9
)
def Xform "World" {
    double3 xformOp:translate.timeSamples = { 5: (100, 0, 0), 9: (900, 0, 0) }
    uniform token[] xformOpOrder = ["xformOp:translate"]
    def Mesh "Quad" {
        int[] faceVertexCounts = [4, 3]
        int[] faceVertexIndices = [0, 1, 2, 3, 0, 3, 4]
        point3f[] points = [(0, 0, 0), (100, 0, 0), (100, 0, 200), (0, 0, 200), (-50, 0, 100)]
        texCoord2f[] primvars:st = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (0, 1), (0.5, 0.5)] (
            interpolation = "faceVarying"
        )
        color3f[] primvars:displayColor = [(1, 0, 0)] ( interpolation = "constant" )
    }
    def Mesh "Hidden" (
        kind = "component"
    ) {
        token visibility = "invisible"
        int[] faceVertexCounts = [3]
        int[] faceVertexIndices = [0, 1, 2]
        point3f[] points = [(0, 0, 0), (1, 0, 0), (1, 0, 9999)]
    }
    class Xform "Source" {
        def Mesh "Leaf" {
            uniform token orientation = "leftHanded"
            int[] faceVertexCounts = [3]
            int[] faceVertexIndices = [0, 1, 2]
            point3f[] points = [(0, 0, 0), (10, 0, 0), (0, 0, 10)]
        }
    }
    def Xform "Copy" ( instanceable = true
        inherits = </World/Source> ) {
    }
}
"""


def written(folder: Path, name: str, data: bytes) -> Source:
    (folder / name).write_bytes(data)
    return Source(str(folder / name), str(folder))


def code(source: Source, limits: ReadLimits = ReadLimits()) -> str:
    with pytest.raises(InputError) as caught:
        read_mesh(source, limits)
    return caught.value.code


def file_of(form: str, asset: Asset) -> bytes:
    files = export_fbx(asset, "x", FbxOptions()) if form == "fbx" else export_usdz(asset, "x", UsdzOptions())
    return next(file.data for file in files if file.name.endswith(form))


def mean_normals(part: Part) -> np.ndarray:
    a, b, c = (part.vertices[part.faces[:, k]] for k in range(3))
    assert part.normals is not None
    return np.einsum("ij,ij->i", np.cross(b - a, c - a), part.normals[part.faces].mean(axis=1))


@pytest.mark.parametrize("form", ["fbx", "usdz"])
def test_what_is_exported_is_read_back(form: str, tmp_path: Path) -> None:
    glass = Material("glass", (0.6, 0.8, 1.0, 0.25), roughness=0.1, alpha_mode="BLEND")
    part = ball(painted())
    asset = Asset((part, replace(ball(glass), vertices=part.vertices + np.float32([2, 0, 0]), name="pane")))
    found = read_mesh(written(tmp_path, f"x.{form}", file_of(form, asset)))
    assert [each.name for each in found.parts] == [each.name for each in asset.parts]
    assert found.face_count == asset.face_count
    assert np.abs(found.bounds() - asset.bounds()).max() < 1e-5
    for each, original in zip(found.parts, asset.parts, strict=True):
        assert (mean_normals(each) > 0).all()
        assert each.uv is not None
        assert original.uv is not None
        assert np.allclose(sorted(each.uv.mean(axis=0)), sorted(original.uv.mean(axis=0)), atol=0.05)
    base = found.parts[0].material.base_color_texture
    original_map = asset.parts[0].material.base_color_texture
    assert isinstance(base, Texture)
    assert isinstance(original_map, Texture)
    assert base.data == original_map.data
    assert found.parts[1].material.base_color == pytest.approx((0.6, 0.8, 1.0, 0.25), abs=1e-5)
    assert found.parts[1].material.roughness == pytest.approx(0.1, abs=1e-3)


def test_a_stage_is_flattened_in_metres_at_its_first_frame(tmp_path: Path) -> None:
    asset = read_mesh(written(tmp_path, "x.usda", USDA.encode()))
    assert [(part.name, len(part.faces)) for part in asset.parts] == [("Quad", 3), ("Leaf", 1)]
    quad, leaf = asset.parts
    assert np.ptp(quad.vertices, axis=0) == pytest.approx([1.5, 2.0, 0.0])  # Z up in the file
    assert quad.vertices[:, 0].max() == pytest.approx(2.0)  # moved by 1 m at frame 5
    assert quad.colors is not None
    assert quad.colors[0].tolist() == [255, 0, 0, 255]
    assert quad.uv is not None
    a, b, c = leaf.vertices[leaf.faces[0]]
    assert np.cross(b - a, c - a)[2] < 0  # left-handed: turned round
    assert asset.notes["import_format"] == "usd"


def test_a_stage_that_reaches_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.usda").write_text(USDA)
    reaching = '#usda 1.0\ndef "A" ( references = @{}@ ) {{}}\n'
    for name in (str(tmp_path / "secret.usda"), "../secret.usda"):
        assert code(written(tmp_path, "x.usda", reaching.format(name).encode())) == "mesh.unsupported"


CLIPS = """#usda 1.0
(
    startTimeCode = 0
    endTimeCode = 1
)
def Mesh "Quad" (
    clips = {{
        dictionary default = {{
            asset[] assetPaths = [@{0}@]
            asset manifestAssetPath = @{0}@
            string primPath = "/Quad"
            double2[] active = [(0, 0)]
            double2[] times = [(0, 0), (1, 1)]
        }}
    }}
) {{
    int[] faceVertexCounts = [3]
    int[] faceVertexIndices = [0, 1, 2]
    point3f[] points
}}
"""


def test_values_are_not_taken_from_clips_in_other_files(tmp_path: Path) -> None:
    """Clips are no composition: a layer names them in metadata, and they would be opened when points are asked for."""
    points = "{ 0: [(0, 0, 0), (9, 0, 0), (0, 9, 0)] }"
    (tmp_path / "secret.usda").write_text(f'#usda 1.0\ndef Mesh "Quad" {{ point3f[] points.timeSamples = {points} }}\n')
    source = written(tmp_path, "x.usda", CLIPS.format(tmp_path / "secret.usda").encode())
    assert code(source) == "mesh.unsupported"


@pytest.mark.parametrize("form", ["fbx", "usdz", "usda"])
def test_damaged_and_oversized_files_are_refused(form: str, tmp_path: Path) -> None:
    data = USDA.encode() if form == "usda" else file_of(form, Asset((ball(painted()),)))
    source = written(tmp_path, f"x.{form}", data)
    assert code(source, ReadLimits(max_faces=2)) == "mesh.too-large"
    assert code(written(tmp_path, f"x.{form}", data[: len(data) // 2])) in ("mesh.broken", "mesh.no-faces")


def test_a_child_that_dies_or_hangs_costs_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dying.py").write_text("import os\ndef read_scene(path, limits):\n    os.abort()\n")
    (tmp_path / "hanging.py").write_text("import time\ndef read_scene(path, limits):\n    time.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(apart.__file__).parents[2]}")
    with pytest.raises(InputError, match="ended with -6"):
        apart.read_apart("dying", b"x", ".x", ReadLimits())
    monkeypatch.setattr(apart, "SECONDS", 2.0)
    with pytest.raises(InputError) as caught:
        apart.read_apart("hanging", b"x", ".x", ReadLimits())
    assert caught.value.code == "mesh.timeout"
    assert {"fbx", "usd", "usdz"} <= set(READERS)
