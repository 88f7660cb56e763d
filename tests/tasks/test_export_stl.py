"""STL export: binary, millimetres, Z up; re-read by trimesh."""

from __future__ import annotations

import io

import numpy as np
import trimesh

from ml.asset import Asset, make_part
from tasks.export_stl import StlOptions, export_stl

BOX = trimesh.creation.box((1, 2, 3), transform=trimesh.transformations.translation_matrix((0.5, 1, 1.5)))


def test_a_two_metre_tall_box_stands_two_thousand_millimetres_up_z() -> None:
    lid = make_part(BOX.vertices + np.array([0, 2, 0]), BOX.faces)
    (file,) = export_stl(Asset((make_part(BOX.vertices, BOX.faces), lid)), "box")
    mesh = trimesh.load(io.BytesIO(file.data), file_type="stl")
    assert (file.name, file.format, file.lod, len(mesh.faces)) == ("box.stl", "stl", 0, 24)
    np.testing.assert_allclose(mesh.bounds, [[0, -3000, 0], [1000, 0, 4000]], atol=1e-3)
    assert mesh.volume > 0
    np.testing.assert_allclose(mesh.face_normals, trimesh.Trimesh(mesh.vertices, mesh.faces).face_normals, atol=1e-6)
    assert not file.data.startswith(b"solid")


def test_stored_normals_are_unit_and_zero_area_faces_are_gone() -> None:
    flat = make_part([*BOX.vertices.tolist(), [9, 9, 9]], [*BOX.faces.tolist(), [0, 0, 1]])
    data = export_stl(Asset((flat,)), "box")[0].data
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    table = np.frombuffer(data, record, offset=84)
    assert len(table) == 12 == int.from_bytes(data[80:84], "little")
    np.testing.assert_allclose(np.linalg.norm(table["normal"], axis=1), 1, atol=1e-6)


def test_lods_are_written_when_asked() -> None:
    part = make_part(BOX.vertices, BOX.faces)
    asset = Asset((part,), lods=(Asset((part.with_faces(part.faces[:4]),)),))
    assert [file.name for file in export_stl(asset, "x", StlOptions(lods="separate"))] == ["x.stl", "x_LOD1.stl"]
    assert len(export_stl(asset, "x")) == 1
