"""3MF export: lib3mf reads it in strict mode without a warning, manifold, in millimetres, with texture or colours."""

from dataclasses import replace
from typing import Any

import lib3mf
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, Part, Provenance, make_part
from tasks.export_3mf import ThreemfOptions, export_3mf
from tests.tasks.export_assets import ball, painted, texture


def read(data: bytes) -> Any:
    """lib3mf's model; strict mode raises at the first error, and there must be no warning."""
    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromBuffer(data)
    assert [reader.GetWarning(index) for index in range(reader.GetWarningCount())] == []
    return model


def each(iterator: Any, current: str) -> list[Any]:
    found = []
    while iterator.MoveNext():
        found.append(getattr(iterator, current)())
    return found


def meshes(model: Any) -> list[Any]:
    return each(model.GetMeshObjects(), "GetCurrentMeshObject")


def corner_points(mesh: Any) -> Any:
    points = np.array([list(position.Coordinates) for position in mesh.GetVertices()])
    return points[np.array([list(triangle.Indices) for triangle in mesh.GetTriangleIndices()])]


def expected_points(part: Part) -> Any:
    x, y, z = part.vertices.T.astype(float)
    return (np.stack([x, -z, y], axis=1) * 1000)[part.faces]


def split_box(**extra: Any) -> Part:
    """A box whose 36 corners share no vertex, as UV seams leave them."""
    box = trimesh.creation.box()
    return make_part(box.vertices[box.faces].reshape(-1, 3), np.arange(36).reshape(-1, 3), name="box", **extra)


def test_a_textured_part_comes_back_manifold_with_its_coordinates_and_image() -> None:
    uv = np.random.default_rng(0).random((36, 2)).astype(np.float32)
    part = replace(split_box(uv=uv), material=painted())
    model = read(export_3mf(Asset((part,)), "x")[0].data)
    (mesh,) = meshes(model)
    assert (mesh.GetName(), mesh.GetVertexCount(), mesh.GetTriangleCount()) == ("box", 8, 12)
    assert mesh.IsManifoldAndOriented()
    assert mesh.GetType() == lib3mf.ObjectType.Model
    np.testing.assert_allclose(corner_points(mesh), expected_points(part))
    (group,) = each(model.GetTexture2DGroups(), "GetCurrentTexture2DGroup")
    image = texture(0).data
    assert bytes(group.GetTexture2D().GetAttachment().WriteToBuffer()) == image
    for index in range(12):
        held = mesh.GetTriangleProperties(index)
        assert held.ResourceID == group.GetResourceID()
        found = [group.GetTex2Coord(number) for number in held.PropertyIDs]
        np.testing.assert_allclose([[c.U, 1 - c.V] for c in found], uv[3 * index : 3 * index + 3], atol=1e-6)
    assert model.GetUnit() == lib3mf.ModelUnit.MilliMeter


def test_vertex_colors_and_material_colors() -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (42, 4), dtype=np.uint8)
    shaded = ball(Material(base_color=(1, 1, 1, 1)), "shaded", colors=rgba)
    red = ball(Material("red", (1, 0, 0.5, 0.5)), "red")
    model = read(export_3mf(Asset((shaded, red)), "x")[0].data)
    first, second = meshes(model)
    (group,) = each(model.GetColorGroups(), "GetCurrentColorGroup")
    alphas = [[group.GetColor(i).Alpha for i in first.GetTriangleProperties(k).PropertyIDs] for k in range(80)]
    np.testing.assert_array_equal(alphas, rgba[shaded.faces, 3])
    held = second.GetTriangleProperties(0)
    (base,) = each(model.GetBaseMaterialGroups(), "GetCurrentBaseMaterialGroup")
    assert held.ResourceID == base.GetResourceID()
    assert base.GetName(held.PropertyIDs[0]) == "red"
    color = base.GetDisplayColor(held.PropertyIDs[0])
    assert (color.Red, color.Green, color.Blue, color.Alpha) == (255, 0, 188, 128)


def test_parts_stay_together_and_an_open_one_is_a_surface() -> None:
    closed, hole = ball(name="a"), ball(name="b")
    hole = hole.with_faces(hole.faces[1:])
    model = read(export_3mf(Asset((closed, hole), "pair"), "x")[0].data)
    assert [mesh.GetType() for mesh in meshes(model)] == [lib3mf.ObjectType.Model, lib3mf.ObjectType.Surface]
    (item,) = each(model.GetBuildItems(), "GetCurrent")
    assert item.GetObjectResource().GetName() == "pair"
    assert item.GetObjectResource().GetType() == lib3mf.ObjectType.Surface
    inside_out = ball().with_faces(np.ascontiguousarray(ball().faces[:, ::-1]))
    assert meshes(read(export_3mf(Asset((inside_out,)), "x")[0].data))[0].GetType() == lib3mf.ObjectType.Surface


def test_metadata() -> None:
    known = Provenance("Vase & Co", "Ann", "© Ann <a>", "CC-BY-4.0", "mill", True, "a vase", 7)
    model = read(export_3mf(Asset((ball(),), provenance=known), "x")[0].data)
    group = model.GetMetaDataGroup()
    entries = [group.GetMetaData(index) for index in range(group.GetMetaDataCount())]
    assert {entry.GetName(): entry.GetValue() for entry in entries} == {
        "Title": "Vase & Co", "Designer": "Ann", "Copyright": "© Ann <a>", "LicenseTerms": "CC-BY-4.0",
        "Application": "Meshmill", "Description": "generator: mill; ai_generated: true; "
        "source_type: trainedAlgorithmicMedia; prompt: a vase; seed: 7",
    }  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=6), min_size=1, max_size=4), st.text(max_size=6), st.floats(-7, 5))
def test_any_names_and_sizes_are_read_without_a_warning(names: list[str], whole: str, power: float) -> None:
    parts = []
    for name in names:
        part = ball(Material(name), name, 0)
        parts.append(replace(part, vertices=part.vertices * np.float32(10**power)))
    model = read(export_3mf(Asset(tuple(parts), whole), "x")[0].data)
    assert len(meshes(model)) == len(names)


def test_levels_and_refusals() -> None:
    low = Asset((ball(level=0),))
    files = export_3mf(Asset((ball(),), lods=(low,)), "x", ThreemfOptions("separate"))
    assert [(file.name, file.lod) for file in files] == [("x.3mf", 0), ("x_LOD1.3mf", 1)]
    for scale, code in ((1e10, "mesh.out-of-range"), (0.0, "mesh.no-faces")):
        part = ball(level=0)
        with pytest.raises(InputError) as refusal:
            export_3mf(Asset((replace(part, vertices=part.vertices * np.float32(scale)),)), "x")
        assert refusal.value.code == code
