"""PLY export: metres, normals and the visible colours; re-read by trimesh."""

from __future__ import annotations

import io

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, Material, Provenance, Texture, make_part
from tasks.export_ply import PlyOptions, export_ply
from tasks.exporters import EXPORTERS
from tasks.vertex_colors import sample_nearest, srgb_vertex_colors

BOX = trimesh.creation.icosphere(1)


def test_trimesh_reads_back_geometry_normals_and_colors() -> None:
    red = make_part(BOX.vertices, BOX.faces, Material(base_color=(1, 0, 0, 1)))
    shaded = make_part(
        BOX.vertices + 5, BOX.faces, Material(base_color=(1, 1, 1, 1)), colors=np.full((42, 4), 128, np.uint8)
    )
    asset = Asset((red, shaded))
    (file,) = export_ply(asset, "x")
    mesh = trimesh.load(io.BytesIO(file.data), file_type="ply", process=False)
    assert (file.name, len(mesh.faces)) == ("x.ply", 160)
    np.testing.assert_allclose(mesh.bounds, asset.bounds(), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertex_normals, axis=1), 1, atol=1e-5)
    assert mesh.visual.vertex_colors[0].tolist() == [255, 0, 0, 255]
    assert mesh.visual.vertex_colors[-1].tolist() == [188, 188, 188, 255]


def test_colors_combine_factor_vertex_color_and_texture() -> None:
    pixels = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    texture = Texture.from_pixels(pixels)
    uv = np.array([[0.1, 0.1], [0.9, 0.1], [1.1, -0.1]], np.float32)
    assert sample_nearest(texture, uv)[:, :3].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    material = Material(base_color=(0.5, 1, 1, 0.5), base_color_texture=texture, alpha_mode="BLEND")
    part = make_part([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], material, uv=uv)
    assert srgb_vertex_colors(part).tolist() == [[188, 0, 0, 128], [0, 255, 0, 128], [0, 0, 255, 128]]


def test_lods_are_written_when_asked() -> None:
    part = make_part(BOX.vertices, BOX.faces)
    asset = Asset((part,), lods=(Asset((part.with_faces(part.faces[:4]),)),))
    assert [file.lod for file in export_ply(asset, "x", PlyOptions(lods="separate"))] == [0, 1]


@pytest.mark.parametrize("name", EXPORTERS)
def test_every_listed_exporter_runs_with_its_default_options(name: str) -> None:
    exporter = EXPORTERS[name]
    files = exporter.write(Asset((make_part(BOX.vertices, BOX.faces),)), "x", exporter.options())
    assert files[0].name.startswith("x")
    assert files == exporter.write(Asset((make_part(BOX.vertices, BOX.faces),)), "x", exporter.options())


def test_provenance_is_in_the_comments_and_readers_skip_it() -> None:
    known = Provenance(title="Box", creator="Zoë", ai_generated=True)
    (file,) = export_ply(Asset((make_part(BOX.vertices, BOX.faces),), provenance=known), "x")
    lines = file.data.split(b"end_header")[0].decode("ascii").splitlines()
    assert lines[3:6] == ["comment title: Box", "comment creator: Zo\\xeb", "comment ai_generated: true"]
    assert len(trimesh.load(io.BytesIO(file.data), file_type="ply").faces) == 80
