"""Whatever an asset looks like, each exporter gives files or a coded refusal: never a crash, never silent damage."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, Part, make_part
from tasks.exporters import EXPORTERS
from tasks.outputs import OutputFile
from tests.tasks.export_assets import ball, painted, texture

KINDS = ("fbx", "obj", "stl", "ply", "usdz", "3mf")
NAMES = st.text(max_size=5) | st.sampled_from(["a/b", "..", "\x00", "a\nb", "é", "UCX_", "\ud800", "a", "a"])


@st.composite
def materials(draw: Any) -> Material:
    unit = st.floats(0, 1)
    material = painted() if draw(st.booleans()) else Material()
    return replace(
        material,
        name=draw(NAMES),
        base_color=tuple(draw(unit) for _ in range(4)),
        metallic=draw(unit),
        roughness=draw(unit),
        emissive=(draw(st.floats(0, 20)), 0.0, 0.0),
        normal_scale=draw(st.sampled_from([0.0, 0.5, 1.0, 3.0])),
        occlusion_strength=draw(unit),
        occlusion_texture=texture(9) if draw(st.booleans()) else material.occlusion_texture,
        alpha_mode=draw(st.sampled_from(["OPAQUE", "MASK", "BLEND"])),
    )


@st.composite
def parts(draw: Any) -> Part:
    """A ball, a soup or nothing, at any size, with or without each attribute."""
    base = ball(draw(materials()), draw(NAMES), 0)
    scale = np.float32(10.0 ** draw(st.integers(-40, 37)))
    faces = base.faces[: draw(st.sampled_from([0, 1, 19, 20]))]
    faces = np.concatenate([faces, faces[:3], faces[3:5, ::-1], np.zeros((1, 3), np.int32)])
    uv = np.array(base.uv)
    if draw(st.booleans()):
        uv[3] = draw(st.sampled_from([np.nan, np.inf, -1e30]))
    return replace(
        base,
        vertices=base.vertices * scale,
        faces=np.ascontiguousarray(faces, np.int32),
        uv=draw(st.sampled_from([None, uv])),
        uv1=draw(st.sampled_from([None, uv])),
        colors=np.full((12, 4), 200, np.uint8) if draw(st.booleans()) else None,
    )


def written(kind: str, asset: Asset, options: Any) -> list[OutputFile] | None:
    """The files, or None where the asset is refused for a reason that there is."""
    try:
        return EXPORTERS[kind].write(asset, "x", options)
    except InputError as refusal:
        if refusal.code not in ("mesh.no-faces", "mesh.out-of-range"):
            raise
        return None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1e30, 1e37])
def test_no_size_is_too_small_or_too_large_to_answer(kind: str, scale: float) -> None:
    base = ball(painted(), level=0)
    part = replace(base, vertices=(base.vertices * np.float64(scale)).astype(np.float32))
    files = written(kind, Asset((part,)), EXPORTERS[kind].options())
    assert (files is None) == (kind in ("stl", "3mf") and scale > 1)


@pytest.mark.parametrize("kind", KINDS)
def test_coordinates_that_are_no_numbers_become_zero(kind: str) -> None:
    base = ball(painted(), level=0)
    assert base.uv is not None
    broken, zero = base.uv.copy(), base.uv.copy()
    broken[3], zero[3] = (np.nan, -np.inf), 0
    made = [written(kind, Asset((replace(base, uv=uv),)), EXPORTERS[kind].options()) for uv in (broken, zero)]
    assert made[0] == made[1] is not None


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(whole=st.lists(parts(), max_size=3), name=NAMES, lower=st.lists(parts(), max_size=1))
def test_files_or_a_coded_refusal(kind: str, whole: list[Part], name: str, lower: list[Part]) -> None:
    asset = Asset(tuple(whole), name, lods=(Asset(tuple(lower)),) if lower else ())
    options = EXPORTERS[kind].options(lods="separate")
    files = written(kind, asset, options)
    if files is None:
        return
    names = [file.name.lower() for file in files]
    assert len(set(names)) == len(names)
    assert all(file.data for file in files)
    assert files == EXPORTERS[kind].write(asset, "x", options)
    assert not any(b"nan" in file.data.lower() for file in files if file.format in ("obj", "mtl"))


def test_an_unreadable_map_is_refused_by_name() -> None:
    broken = replace(painted(), metallic_roughness_texture=replace(texture(1), data=b"\x89PNG\r\n\x1a\n broken"))
    for kind in ("fbx", "obj"):
        with pytest.raises(InputError) as refusal:
            EXPORTERS[kind].write(Asset((ball(broken),)), "x", EXPORTERS[kind].options())
        assert refusal.value.code.startswith("image.")


def test_zero_faces() -> None:
    for kind in KINDS:
        with pytest.raises(InputError) as refusal:
            EXPORTERS[kind].write(Asset((make_part(np.zeros((3, 3)), [[0, 1, 2]]),)), "x", EXPORTERS[kind].options())
        assert refusal.value.code == "mesh.no-faces"
