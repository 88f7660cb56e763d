"""glTF: transforms, attributes, materials and refusals, on documents built here and judged against trimesh."""

from __future__ import annotations

import base64
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ml.asset import Asset, InputError, Material, Texture
from ml.readers.gltf import read_glb, read_gltf, triangles
from ml.readers.limits import ReadLimits
from ml.sources import Source
from tests.ml.gltf_builder import CORNERS, FACES, Builder, Json, simple, tetra


def png(color: tuple[int, ...] = (10, 200, 30), kind: str = "PNG", size: int = 4) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), color).save(buffer, kind)
    return buffer.getvalue()


def code_of(data: bytes, limits: ReadLimits = ReadLimits()) -> str:
    with pytest.raises(InputError) as caught:
        read_glb(data, limits)
    return caught.value.code


def textured(**material: Any) -> Builder:
    builder = simple(TEXCOORD_0=([[0, 0], [1, 0], [0, 1], [0.5, 0.25]],))
    builder.json["images"] = [{"bufferView": builder.view(png()), "mimeType": "image/png", "name": "green"}]
    builder.json["textures"] = [{"source": 0}]
    builder.json["materials"] = [material]
    builder.json["meshes"][0]["primitives"][0]["material"] = 0
    return builder


def test_hierarchy_of_matrix_and_trs_nodes_is_baked_as_trimesh_bakes_it() -> None:
    builder = simple()
    turn = [0.0, math.sin(0.4), 0.0, math.cos(0.4)]
    builder.json["nodes"] = [
        {"children": [1, 2], "translation": [1, 2, 3], "rotation": turn, "scale": [2, 1, 0.5]},
        {"mesh": 0, "matrix": [1, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0, 5, 0, 0, 1], "name": "a"},
        {"mesh": 0, "translation": [0, 7, 0], "name": "b"},
    ]
    asset = read_glb(builder.glb())
    scene = trimesh.load(io.BytesIO(builder.glb()), file_type="glb", process=False)
    assert [part.name for part in asset.parts] == ["a", "b"]
    np.testing.assert_allclose(asset.bounds(), scene.bounds, atol=1e-6)
    theirs = np.concatenate([mesh.vertices for mesh in scene.dump()])
    ours = np.concatenate([part.vertices for part in asset.parts])
    np.testing.assert_allclose(np.sort(ours, axis=0), np.sort(theirs, axis=0), atol=1e-6)


def test_a_mirroring_node_flips_winding_so_that_the_volume_stays_positive() -> None:
    builder = simple(NORMAL=([[-0.57735, -0.57735, -0.57735], [1, 0, 0], [0, 1, 0], [0, 0, 1]],))
    builder.json["nodes"][0]["scale"] = [-2, 1, 1]
    part = read_glb(builder.glb()).parts[0]
    assert trimesh.Trimesh(part.vertices, part.faces, process=False).volume == pytest.approx(2 / 6)
    assert part.normals is not None
    np.testing.assert_allclose(part.normals[1], [-1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(part.normals, axis=1), 1, atol=1e-6)


def test_normals_turn_by_the_inverse_transpose() -> None:
    diagonal = np.array([[1, 1, 0]] * 4) / np.sqrt(2)
    builder = simple(NORMAL=(diagonal,))
    builder.json["nodes"][0]["scale"] = [1, 4, 1]
    normals = read_glb(builder.glb()).parts[0].normals
    assert normals is not None
    np.testing.assert_allclose(normals[0], np.array([4, 1, 0]) / np.sqrt(17), atol=1e-6)


@pytest.mark.parametrize("nodes", [[{"children": [0]}], [{"children": [1]}, {"children": [0]}]])
def test_cyclic_nodes_are_broken(nodes: list[Json]) -> None:
    builder = simple()
    builder.json["nodes"] = nodes
    assert code_of(builder.glb()) == "mesh.broken"


def test_an_exponential_tree_of_shared_children_is_refused_at_once() -> None:
    builder = simple()
    builder.json["nodes"] = [{"children": [k + 1, k + 1]} for k in range(60)] + [{"mesh": 0}]
    assert code_of(builder.glb()) == "mesh.broken"


@pytest.mark.parametrize(
    ("values", "dtype", "extra", "expected"),
    [
        ([[0, 0.5, 1]] * 4, "<f4", {}, [0, 128, 255, 255]),
        ([[0, 128, 255, 64]] * 4, "|u1", {"normalized": True}, [0, 128, 255, 64]),
        ([[0, 32896, 65535, 16448]] * 4, "<u2", {"normalized": True}, [0, 128, 255, 64]),
    ],
)
def test_colors_of_every_type_become_linear_bytes(values: Any, dtype: str, extra: Json, expected: list[int]) -> None:
    builder = Builder()
    primitive = tetra(builder)
    primitive["attributes"]["COLOR_0"] = builder.array(values, dtype, **extra)
    colors = read_glb(builder.mesh(primitive).glb()).parts[0].colors
    assert colors is not None
    assert colors[0].tolist() == expected


def test_quantized_strided_positions_and_uvs() -> None:
    builder = Builder()
    rows = np.zeros(4, np.dtype([("p", "<i2", 3), ("pad", "<u2"), ("uv", "<u2", 2)]))
    rows["p"], rows["uv"] = CORNERS * 100, [[0, 65535]] * 4
    view = builder.view(rows.tobytes(), byteStride=rows.dtype.itemsize)
    base = {"bufferView": view, "count": 4}
    builder.json["accessors"] = [
        base | {"componentType": 5122, "type": "VEC3"},
        base | {"componentType": 5123, "type": "VEC2", "byteOffset": 8, "normalized": True},
    ]
    builder.json["extensionsRequired"] = ["KHR_mesh_quantization"]
    builder.json["nodes"][0]["scale"] = [0.01] * 3
    builder.mesh({"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": builder.array(FACES.reshape(-1), "|u1")})
    part = read_glb(builder.glb()).parts[0]
    np.testing.assert_allclose(part.vertices, CORNERS, atol=1e-6)
    assert part.uv is not None
    np.testing.assert_allclose(part.uv, [[0, 1]] * 4)


def test_sparse_accessor_replaces_the_named_elements() -> None:
    builder = simple()
    indices, values = builder.view(np.array([1, 3], "<u2").tobytes()), builder.view(np.full((2, 3), 9, "<f4").tobytes())
    builder.json["accessors"][0]["sparse"] = {
        "count": 2,
        "indices": {"bufferView": indices, "componentType": 5123},
        "values": {"bufferView": values},
    }
    vertices = read_glb(builder.glb()).parts[0].vertices
    np.testing.assert_array_equal(vertices[[1, 3]], np.full((2, 3), 9))
    np.testing.assert_array_equal(vertices[[0, 2]], CORNERS[[0, 2]])


def test_strips_and_fans_keep_their_winding() -> None:
    corners = np.array([0, 1, 2, 3, 3, 4])
    assert triangles(corners, 5).tolist() == [[0, 1, 2], [2, 1, 3]]
    assert triangles(corners[:4], 6).tolist() == [[0, 1, 2], [0, 2, 3]]


def test_points_lines_and_animations_are_left_out_and_noted() -> None:
    builder = Builder()
    solid = tetra(builder) | {"targets": [{"POSITION": 0}]}
    builder.mesh({"attributes": {"POSITION": 0}, "mode": 0}, solid).json["animations"] = [{}]
    asset = read_glb(builder.glb())
    assert [part.name for part in asset.parts] == ["n"]
    assert {"points", "morph", "animations"} <= set(asset.notes["import_notes"].replace(":", "").split())


def test_a_skinned_mesh_follows_its_joints_not_its_node() -> None:
    builder = Builder()
    weights = [[1, 0, 0, 0]] * 4
    primitive = tetra(builder, JOINTS_0=builder.array([[0] * 4] * 4, "|u1"), WEIGHTS_0=builder.array(weights))
    bind = np.eye(4, dtype=np.float32)
    bind[3, :3] = (-1, 0, 0)  # column-major: the joint's bind pose stands at x = 1
    builder.mesh(primitive).json["skins"] = [{"joints": [1], "inverseBindMatrices": builder.array(bind.reshape(1, 16))}]
    builder.json["nodes"] = [{"mesh": 0, "skin": 0, "translation": [99, 0, 0]}, {"translation": [1, 5, 0]}]
    builder.json["scenes"] = [{"nodes": [0, 1]}]
    np.testing.assert_allclose(read_glb(builder.glb()).parts[0].vertices, CORNERS + np.array([0, 5, 0]), atol=1e-6)


def test_every_material_property_and_untouched_texture_bytes() -> None:
    builder = textured(
        name="paint",
        pbrMetallicRoughness={
            "baseColorFactor": [0.1, 0.2, 0.3, 0.4],
            "metallicFactor": 0.5,
            "roughnessFactor": 0.6,
            "baseColorTexture": {"index": 0},
            "metallicRoughnessTexture": {"index": 0},
        },
        normalTexture={"index": 0, "scale": 0.7},
        occlusionTexture={"index": 0, "strength": 0.8},
        emissiveTexture={"index": 0},
        emissiveFactor=[1, 0.5, 0],
        alphaMode="MASK",
        alphaCutoff=0.25,
        doubleSided=True,
    )
    green = Texture(png(), "image/png", "green")
    assert read_glb(builder.glb()).parts[0].material == Material(
        "paint", (0.1, 0.2, 0.3, 0.4), 0.5, 0.6, (1.0, 0.5, 0.0), green, green, green, green, green, 0.7, 0.8,
        "MASK", 0.25, True,
    )  # fmt: skip


def test_specular_glossiness_becomes_metallic_roughness_and_unlit_rough() -> None:
    glossy = {"diffuseFactor": [1, 0, 0, 1], "specularFactor": [0.04] * 3, "glossinessFactor": 0.25}
    asset = read_glb(textured(extensions={"KHR_materials_pbrSpecularGlossiness": glossy}).glb())
    material = asset.parts[0].material
    assert (material.base_color, material.metallic, material.roughness) == ((1, 0, 0, 1), 0, 0.75)
    assert "specular-glossiness" in asset.notes["import_notes"]
    mapped = {**glossy, "specularGlossinessTexture": {"index": 0}}
    material = read_glb(textured(extensions={"KHR_materials_pbrSpecularGlossiness": mapped}).glb()).parts[0].material
    assert material.base_color_texture is not None
    assert material.metallic_roughness_texture is not None
    unlit = read_glb(textured(extensions={"KHR_materials_unlit": {}}).glb())
    assert (unlit.parts[0].material.metallic, unlit.parts[0].material.roughness) == (0, 1)


def test_texture_transform_is_baked_when_all_maps_share_it() -> None:
    transform = {"offset": [0.5, 0], "rotation": math.pi / 2, "scale": [2, 1]}
    info = {"index": 0, "extensions": {"KHR_texture_transform": transform}}
    uv = read_glb(textured(pbrMetallicRoughness={"baseColorTexture": info}).glb()).parts[0].uv
    assert uv is not None
    np.testing.assert_allclose(uv, [[0.5, 0], [0.5, -2], [1.5, 0], [0.75, -1]], atol=1e-6)


def test_image_types_come_from_their_bytes() -> None:
    def first(data: bytes) -> Texture:
        builder = textured(pbrMetallicRoughness={"baseColorTexture": {"index": 0}})
        builder.json["images"][0] = {"bufferView": builder.view(data), "mimeType": "image/png"}
        texture = read_glb(builder.glb()).parts[0].material.base_color_texture
        assert texture is not None
        return texture

    jpeg = png(kind="JPEG")
    assert first(jpeg) == Texture(jpeg, "image/jpeg", "")
    webp = first(png(kind="WEBP"))
    assert webp.mime == "image/png"
    assert webp.data.startswith(b"\x89PNG")
    with pytest.raises(InputError, match="no end"):
        first(png(size=64)[:-20])


def test_external_files_and_data_uris_are_read_inside_the_root_only(tmp_path: Path) -> None:
    builder = simple()
    builder.glb()
    document = builder.json
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "tetra data.bin").write_bytes(builder.data)
    source = Source(str(tmp_path / "sub" / "a.gltf"), str(tmp_path))

    def with_uri(uri: str) -> Asset:
        document["buffers"][0]["uri"] = uri
        return read_gltf(json.dumps(document).encode(), source)

    for uri in ("tetra%20data.bin", "data:application/octet-stream;base64," + base64.b64encode(builder.data).decode()):
        assert with_uri(uri).face_count == 4
    for uri, code in (
        ("../../etc/passwd", "input.outside"),
        ("file:///etc/passwd", "input.outside"),
        ("x.bin", "input.missing"),
    ):
        with pytest.raises(InputError) as caught:
            with_uri(uri)
        assert caught.value.code == code


@pytest.mark.parametrize("extension", ["KHR_nothing", "EXT_nothing"])
def test_required_compression_is_unsupported_by_name(extension: str) -> None:
    builder = simple()
    builder.json["extensionsRequired"] = [extension]
    with pytest.raises(InputError, match=extension) as caught:
        read_glb(builder.glb())
    assert caught.value.code == "mesh.unsupported"


def test_compression_without_a_stream_is_broken_unless_the_plain_values_are_there() -> None:
    draco = simple()
    draco.json["meshes"][0]["primitives"][0]["extensions"] = {"KHR_draco_mesh_compression": {}}
    assert read_glb(draco.glb()).face_count == 4
    del draco.json["accessors"][0]["bufferView"]
    assert code_of(draco.glb()) == "mesh.broken"
    packed = {"bufferView": 0, "attributes": {"POSITION": 0}}
    draco.json["meshes"][0]["primitives"][0]["extensions"] = {"KHR_draco_mesh_compression": packed}
    assert code_of(draco.glb()) == "mesh.broken"
    for extension in ("EXT_meshopt_compression", "KHR_meshopt_compression"):
        meshopt = simple()
        meshopt.json["bufferViews"][0]["extensions"] = {extension: {}}
        assert code_of(meshopt.glb()) == "mesh.broken"


def test_lying_claims_are_refused_before_anything_is_allocated() -> None:
    def with_accessor(at: int, **claims: Any) -> bytes:
        builder = simple()
        builder.json["accessors"][at] |= claims
        return builder.glb()

    assert code_of(with_accessor(0, count=5)) == "mesh.truncated"
    assert code_of(with_accessor(1, count=30_000_000)) == "mesh.too-large"
    assert code_of(with_accessor(0, count=10**12)) == "mesh.too-large"
    assert code_of(with_accessor(0, count=-1)) == "mesh.broken"
    assert code_of(with_accessor(0, byteOffset=10**9)) == "mesh.truncated"
    assert code_of(with_accessor(0, bufferView=7)) == "mesh.broken"
    assert code_of(with_accessor(0, type="SCALAR")) == "mesh.broken"
    assert code_of(with_accessor(0, bufferView=-1)) == "mesh.broken"
    assert code_of(simple().glb()[:-8]) == "mesh.truncated"


def test_many_instances_of_a_small_mesh_count_together() -> None:
    builder = simple()
    builder.json["nodes"] = [{"children": list(range(1, 400))}, *({"mesh": 0} for _ in range(399))]
    assert code_of(builder.glb(), ReadLimits(max_faces=1000)) == "mesh.too-large"
    assert len(read_glb(builder.glb(), ReadLimits(max_faces=2000)).parts) == 399


def test_bad_values_are_coded() -> None:
    builder = Builder()
    primitive = tetra(builder)
    primitive["indices"] = builder.array([0, 1, 9], "<u2")
    assert code_of(builder.mesh(primitive).glb()) == "mesh.bad-index"
    infinite = Builder()
    position = infinite.array([[0, 0, 0], [1, np.inf, 0], [0, 1, 0]])
    assert code_of(infinite.mesh({"attributes": {"POSITION": position}}).glb()) == "mesh.not-finite"
    scaled = simple()
    scaled.json["nodes"][0]["scale"] = [1e200, 1, 1]
    assert code_of(scaled.glb()) == "mesh.not-finite"


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**70), st.floats(), st.text(max_size=3), st.just([]), st.just({})
)


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here] * bool(here) + [path for key, child in children for path in paths(child, (*here, key))]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_json_value_replaced_by_junk_gives_an_asset_or_an_input_error(data: st.DataObject) -> None:
    builder = textured(pbrMetallicRoughness={"baseColorTexture": {"index": 0, "texCoord": 0}}, emissiveFactor=[1, 0, 0])
    assert read_glb(builder.glb()).face_count == 4
    *parents, last = data.draw(st.sampled_from(paths(builder.json)))
    owner: Any = builder.json
    for key in parents:
        owner = owner[key]
    owner[last] = data.draw(JUNK)
    try:
        asset = read_glb(builder.glb())
    except InputError:
        return
    assert all(np.isfinite(part.vertices).all() for part in asset.parts)
