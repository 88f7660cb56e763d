"""Optional tools: missing, slow, crashing or lying ones each end in a coded error, and what goes in is clean."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml.asset import Asset, InputError, make_part
from tasks.external import Surface, accepted, joined_surface, read_obj, run_tool, write_obj
from tasks.topology import degenerate_faces

COPY = "import shutil; shutil.copy(source, target)\n"


def sphere() -> Asset:
    mesh = trimesh.creation.icosphere(2, 0.5)
    return Asset((make_part(mesh.vertices + np.float64([3, 0, 0]), mesh.faces),))


def run(script: str, surface: Surface | None = None, package: str = "numpy", seconds: float = 20.0) -> tuple:
    return run_tool(package, package, script, surface or joined_surface(sphere()), seconds, {})


def test_what_the_tool_writes_comes_back_in_metres() -> None:
    surface = joined_surface(sphere())
    points, polygons = run(COPY, surface)
    assert np.abs(points - surface.points).max() < 1e-8
    assert np.array_equal(polygons, surface.faces)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("import time; time.sleep(60)", "remesh.timeout"),
        ("import os; os.abort()", "remesh.failed"),
        ("raise ValueError('odd')", "remesh.failed"),
        ("pass", "remesh.failed"),
        ("open(target, 'w').write('')", "remesh.failed"),
        ("open(target, 'w').write('v 0 0 0\\nf 1 2 3\\n')", "remesh.failed"),
        ("open(target, 'w').write('v 0 0 nan\\nf 1 1 1\\n')", "remesh.failed"),
        ("open(target, 'w').write('v 0 0\\nv 0 0 0\\nf 1 1 1\\n')", "remesh.failed"),
        ("open(target, 'w').write('v 0 0 0\\nf -1 -1 -1\\n')", "remesh.failed"),
        ("open(target, 'w').write('v 0 0 0\\nf\\n')", "remesh.failed"),
        ("open(target, 'wb').write(bytes(range(256)))", "remesh.failed"),
    ],
)
def test_a_bad_tool_ends_in_a_coded_error(script: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        run(script, seconds=1.0 if code == "remesh.timeout" else 20.0)
    assert caught.value.code == code


def test_a_missing_tool_says_how_to_install_it() -> None:
    with pytest.raises(InputError, match="uv pip install no_such_package") as caught:
        run(COPY, package="no_such_package")
    assert caught.value.code == "remesh.not-installed"


def test_a_surface_that_came_back_open_is_refused() -> None:
    asset = sphere()
    surface = joined_surface(asset)
    assert accepted(asset, surface, surface.points, surface.faces, "step", "same").notes["step"].startswith("same, at")
    with pytest.raises(InputError) as caught:
        accepted(asset, surface, surface.points, surface.faces[1:], "step", "open")
    assert caught.value.code == "remesh.opened"
    with pytest.raises(InputError) as caught:
        accepted(asset, surface, surface.points * 0.0, surface.faces, "step", "flat")
    assert caught.value.code == "remesh.failed"
    with pytest.raises(InputError) as caught:
        accepted(asset, surface, surface.points + 0.2, surface.faces, "step", "away")
    assert caught.value.code == "remesh.off-surface"


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float32, (6, 3), elements=st.floats(-2, 2, width=32).map(lambda x: round(x, 1))),
    arrays(np.int32, (7, 3), elements=st.integers(0, 5)),
)
def test_what_goes_in_has_areas_and_uses_every_vertex(points: np.ndarray, faces: np.ndarray) -> None:
    asset = Asset((make_part(points, faces),))
    if degenerate_faces(points, faces).all():
        with pytest.raises(InputError, match="no face of the mesh has an area"):
            joined_surface(asset)
        return
    surface = joined_surface(asset)
    corners = surface.points[surface.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.linalg.norm(cross, axis=1) > 0.0).all()
    assert np.array_equal(np.unique(surface.faces), np.arange(len(surface.points)))
    assert len(surface.owner) == len(surface.faces)


def test_obj_files_keep_positions_and_polygons(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32).astype(np.float64)
    faces = np.arange(48, dtype=np.int32).reshape(-1, 3)
    write_obj(tmp_path / "a.obj", points, faces)
    (tmp_path / "a.obj").write_text((tmp_path / "a.obj").read_text() + "# end\nvn 0 0 1\nf 1//1 2//1 3//1 4//1\n")
    read, polygons = read_obj(tmp_path / "a.obj")
    assert np.array_equal(read.astype(np.float32), points.astype(np.float32))
    assert np.array_equal(polygons[:-1], faces)
    assert polygons[-1] == [0, 1, 2, 3]
