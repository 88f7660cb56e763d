"""USDZ export: the USD validators and the ARKit rules find nothing, and USD reads the asset back as it was."""

import io
import subprocess
import sys
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pxr import Usd, UsdGeom, UsdShade, UsdValidation

from ml.asset import Asset, InputError, Material, Provenance, make_part
from tasks.export_usdz import UsdzOptions, export_usdz
from tasks.usdz_package import package
from tests.tasks.arkit_rules import broken_rules, container_rules
from tests.tasks.export_assets import ball, painted, texture


def opened(data: bytes, folder: Path) -> Any:
    """The stage of a package that breaks no rule."""
    path = folder / "read.usdz"
    assert broken_rules(data, path) == []
    stage = Usd.Stage.Open(str(path))
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    errors = UsdValidation.ValidationContext(validators).Validate(stage)
    assert [(error.GetName(), error.GetMessage()) for error in errors] == []
    return stage


def mesh_at(stage: Any, path: str) -> Any:
    return UsdGeom.Mesh(stage.GetPrimAtPath(path))


def source(stage: Any, material: str, name: str) -> tuple[Any, str] | None:
    """(texture or reader shader, output) that feeds an input of a material's surface."""
    surface = UsdShade.Shader(stage.GetPrimAtPath(f"/asset/Materials/{material}/Surface"))
    given = surface.GetInput(name)
    links = given.GetConnectedSources()[0] if given else []
    return (UsdShade.Shader(links[0].source.GetPrim()), links[0].sourceName) if links else None


def test_usd_reads_the_geometry_as_it_was(tmp_path: Path) -> None:
    base = ball()
    assert base.uv is not None
    part = replace(base, uv1=base.uv * 0.5, colors=np.full((len(base.vertices), 4), 128, np.uint8))
    stage = opened(export_usdz(Asset((part, ball(name="b/ü"))), "x")[0].data, tmp_path)
    mesh = mesh_at(stage, "/asset/ball")
    np.testing.assert_array_equal(np.asarray(mesh.GetPointsAttr().Get()), part.vertices)
    np.testing.assert_array_equal(np.asarray(mesh.GetFaceVertexIndicesAttr().Get()), part.faces.reshape(-1))
    primvars = UsdGeom.PrimvarsAPI(mesh)
    for name, uv in (("st", part.uv), ("st1", part.uv1)):
        assert uv is not None
        np.testing.assert_allclose(np.asarray(primvars.GetPrimvar(name).Get()) * [1, -1] + [0, 1], uv, atol=1e-6)
    np.testing.assert_allclose(np.asarray(mesh.GetDisplayColorAttr().Get()), 0.8 * 128 / 255, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(np.asarray(mesh.GetNormalsAttr().Get()), axis=1), 1, atol=1e-5)
    assert mesh_at(stage, "/asset/b").GetPrim().GetDisplayName() == "b/ü"
    assert (UsdGeom.GetStageMetersPerUnit(stage), UsdGeom.GetStageUpAxis(stage)) == (1.0, "Y")


def test_every_map_is_on_its_input_with_the_bytes_of_the_master(tmp_path: Path) -> None:
    material = replace(painted(), base_color=(1, 0.5, 1, 1), roughness=0.5, occlusion_strength=0.75, emissive=(3, 2, 1))
    (file,) = export_usdz(Asset((ball(material),)), "x")
    stage = opened(file.data, tmp_path)
    images = {material.base_color_texture: "BaseColor", material.normal_texture: "Normal",
              material.emissive_texture: "Emissive", material.occlusion_texture: "Orm"}  # fmt: skip
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        held = {name: sha256(archive.read(name)).hexdigest() for name in archive.namelist()[1:]}
    assert held == {
        f"textures/red_paint_{role}.png": sha256(image.data).hexdigest() for image, role in images.items() if image
    }
    wanted = {"diffuseColor": ("BaseColor", "rgb"), "roughness": ("Orm", "g"), "metallic": ("Orm", "b"),
              "occlusion": ("Orm", "r"), "normal": ("Normal", "rgb"), "emissiveColor": ("Emissive", "rgb")}  # fmt: skip
    for name, (role, channel) in wanted.items():
        found = source(stage, "red_paint", name)
        assert found is not None
        assert (found[0].GetPrim().GetName(), found[1]) == (role, channel)
    found = source(stage, "red_paint", "roughness")
    assert found is not None
    assert list(found[0].GetInput("scale").Get()) == [0.75, 0.5, 1, 1]
    assert list(found[0].GetInput("bias").Get()) == [0.25, 0, 0, 0]
    found = source(stage, "red_paint", "emissiveColor")
    assert found is not None
    assert list(found[0].GetInput("scale").Get()) == [3, 2, 1, 1]


def test_values_alpha_modes_and_provenance(tmp_path: Path) -> None:
    glass = Material("glass", (0.1, 0.2, 0.3, 0.25), 0.5, 0.4, (2, 1, 0), alpha_mode="BLEND", double_sided=True)
    leaf = replace(painted("leaf"), alpha_mode="MASK", alpha_cutoff=0.3, normal_scale=0.5)
    known = Provenance("Vase", "Ann", "© Ann", "CC-BY-4.0", "mill", True, "a vase", 7)
    stage = opened(export_usdz(Asset((ball(glass), ball(leaf)), provenance=known), "x")[0].data, tmp_path)
    surface = UsdShade.Shader(stage.GetPrimAtPath("/asset/Materials/glass/Surface"))
    values = {given.GetBaseName(): given.Get() for given in surface.GetInputs()}
    assert tuple(values.pop("diffuseColor")) == pytest.approx((0.1, 0.2, 0.3))
    assert tuple(values.pop("emissiveColor")) == (2, 1, 0)
    assert values == pytest.approx({"useSpecularWorkflow": 0, "opacity": 0.25, "metallic": 0.5, "roughness": 0.4})
    masked = UsdShade.Shader(stage.GetPrimAtPath("/asset/Materials/leaf/Surface"))
    assert masked.GetInput("opacityThreshold").Get() == pytest.approx(0.3)
    opacity = source(stage, "leaf", "opacity")
    assert opacity is not None
    assert (opacity[0].GetPrim().GetName(), opacity[1]) == ("BaseColor", "a")
    assert mesh_at(stage, "/asset/ball").GetDoubleSidedAttr().Get()
    assert stage.GetRootLayer().customLayerData["provenance"] == {
        "title": "Vase", "creator": "Ann", "copyright": "© Ann", "license": "CC-BY-4.0", "generator": "mill",
        "ai_generated": "true", "source_type": "trainedAlgorithmicMedia", "prompt": "a vase", "seed": "7",
    }  # fmt: skip


def test_maps_that_share_an_image_keep_their_own_factors(tmp_path: Path) -> None:
    one = texture(5)
    material = Material("m", (1, 1, 1, 1), emissive=(0.5, 0.5, 0.5), base_color_texture=one, emissive_texture=one)
    stage = opened(export_usdz(Asset((ball(material),)), "x")[0].data, tmp_path)
    base, glow = source(stage, "m", "diffuseColor"), source(stage, "m", "emissiveColor")
    assert base is not None
    assert glow is not None
    assert not base[0].GetInput("scale")
    assert list(glow[0].GetInput("scale").Get()) == [0.5, 0.5, 0.5, 1]
    assert base[0].GetInput("file").Get().path == glow[0].GetInput("file").Get().path


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=6), min_size=1, max_size=4), st.text(max_size=6))
def test_any_names_make_a_clean_stage(tmp_path_factory: pytest.TempPathFactory, names: list[str], root: str) -> None:
    parts = tuple(ball(Material(name), name, 0) for name in names)
    stage = opened(export_usdz(Asset(parts, root), "x")[0].data, tmp_path_factory.mktemp("names"))
    assert sum(prim.IsA(UsdGeom.Mesh) for prim in stage.Traverse()) == len(names)


@pytest.mark.slow
def test_the_same_bytes_in_another_process() -> None:
    code = (
        "from hashlib import sha256; from ml.asset import Asset; from tasks.export_usdz import export_usdz;"
        "from tests.tasks.export_assets import ball, painted;"
        "print(sha256(export_usdz(Asset((ball(painted()), ball())), 'x')[0].data).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert there == sha256(export_usdz(Asset((ball(painted()), ball())), "x")[0].data).hexdigest()


@given(st.lists(st.tuples(st.integers(1, 60), st.binary(max_size=200)), min_size=1, max_size=6))
def test_every_file_in_a_package_is_aligned(files: list[tuple[int, bytes]]) -> None:
    named = [(f"{index}{'n' * size}", content) for index, (size, content) in enumerate(files)]
    data = package(named)
    assert [rule for rule in container_rules(data) if "begins" in rule] == []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert [(name, archive.read(name)) for name in archive.namelist()] == named


def test_levels_when_asked_and_a_refusal() -> None:
    asset = Asset((ball(painted()),), lods=(Asset((ball(painted(), level=0),)),))
    names = [(file.name, file.lod) for file in export_usdz(asset, "chair", UsdzOptions("separate"))]
    assert names == [("chair.usdz", 0), ("chair_LOD1.usdz", 1)]
    assert len(export_usdz(asset, "chair")) == 1
    with pytest.raises(InputError, match="no face"):
        export_usdz(Asset((make_part(np.zeros((3, 3)), [[0, 1, 2]]),)), "x")


def test_the_container_rules_notice_what_is_wrong() -> None:
    crate, image = ("a.usdc", b"PXR-USDC"), ("t.png", texture(0).data)
    assert container_rules(package([crate, image])) == []
    assert container_rules(package([image, crate])) == ["the first file is no crate"]
    assert container_rules(package([crate, ("b.txt", b"y")])) == ["b.txt is of no admitted kind"]
    assert container_rules(package([crate, ("t.png", b"GIF89a")])) == ["t.png is not what its name says"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.usdc", b"x" * 100)
    assert container_rules(buffer.getvalue()) == ["a.usdc is packed or encrypted", "a.usdc begins at 36"]


def test_opacity_has_a_reader_of_its_own_where_the_colour_is_scaled(tmp_path: Path) -> None:
    """Blender takes the alpha of a scaled reader for the colour too."""
    tinted = replace(painted("leaf"), base_color=(0.5, 1, 1, 0.25), alpha_mode="BLEND")
    stage = opened(export_usdz(Asset((ball(tinted),)), "x")[0].data, tmp_path)
    color, opacity = source(stage, "leaf", "diffuseColor"), source(stage, "leaf", "opacity")
    assert color is not None
    assert opacity is not None
    assert color[0].GetPrim() != opacity[0].GetPrim()
    assert color[0].GetInput("file").Get().path == opacity[0].GetInput("file").Get().path
    assert (opacity[1], list(opacity[0].GetInput("scale").Get())) == ("a", [1, 1, 1, 0.25])
