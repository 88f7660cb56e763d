"""Edits of assets: each does what it says, only where it says so, and none that changes nothing is called done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, Part, Texture, make_part
from ml.color_space import decode, to_oklab
from ml.edits import (
    Bend,
    Edit,
    Glow,
    Mirror,
    Palette,
    Polish,
    Recolor,
    Remove,
    Resize,
    Rotate,
    SetMaterial,
    Smooth,
    Taper,
    Tone,
    Twist,
    Wear,
)
from ml.substances import color_of
from tasks.apply_edits import apply_edits
from tasks.bake import BakeOptions, bake
from tasks.normals import split_hard_edges
from tasks.region import Region, region_weights
from tasks.self_intersections import self_intersections
from tasks.texel_mask import Texels
from tasks.topology import topology, weld
from tasks.unwrap import UnwrapOptions, unwrap

OAK = Material(name="oak", base_color=(0.4, 0.2, 0.1, 1.0), roughness=0.6)
LAMP = Material(name="lamp", base_color=(0.8, 0.7, 0.5, 1.0), emissive=(1.0, 0.8, 0.5))
SHAPES: list[Edit] = [
    Resize("", "height", 1.4), Resize("", "", 0.7), Rotate("", "height", 30.0), Smooth(), Bend(degrees=40.0),
    Taper(factor=0.5), Twist(degrees=70.0),
]  # fmt: skip
LOOKS: list[Edit] = [
    Recolor("", "red"), Tone("", -0.2), SetMaterial("", "marble"), Polish("", 0.6), Glow("", True, "blue"),
    Wear("", 0.8), Wear("", 0.6, rust=True), Palette(("#204080", "#d0c0a0")),
]  # fmt: skip


def part(mesh: trimesh.Trimesh, name: str, material: Material = OAK, at: tuple[float, ...] = (0, 0, 0)) -> Part:
    return split_hard_edges(make_part(mesh.vertices + np.array(at), mesh.faces, material, name=name))


BALL = Asset((part(trimesh.creation.icosphere(4), "body"),))
STAND = Asset(
    (
        part(trimesh.creation.box((1, 0.1, 1)), "base", at=(0, 0.05, 0)),
        part(trimesh.creation.box((0.1, 1.02, 0.1)), "stem", at=(0, 0.6, 0)),
        part(trimesh.creation.icosphere(3, 0.3), "bulb", LAMP, at=(0, 1.38, 0)),
    )
)


def textured() -> Asset:
    """A ball with an atlas of one part whose texels all differ a little."""
    made = bake(unwrap(BALL, UnwrapOptions(128, when="always")), BakeOptions(128))
    pixels = np.random.default_rng(0).integers(60, 200, (128, 128, 3)).astype(np.uint8)
    material = replace(made.parts[0].material, base_color_texture=Texture.from_pixels(pixels), base_color=(1, 1, 1, 1))
    return Asset((replace(made.parts[0], material=material, name="body"),))


TEXTURED = textured()
CAP = Region(spheres=((0.0, 1.0, 0.0, 0.5),))


@pytest.mark.parametrize("edit", SHAPES, ids=str)
@pytest.mark.parametrize("asset", [BALL, STAND], ids=["ball", "stand"])
def test_shapes_keep_topology_and_say_what_moved(asset: Asset, edit: Edit) -> None:
    if isinstance(edit, Bend | Twist | Smooth) and asset is STAND:
        return  # its boxes have no vertices between their ends
    found = apply_edits(asset, [edit])
    assert found.metrics["edit.moved_percent"] > 0
    for old, new in zip(asset.parts, found.parts, strict=True):
        assert np.array_equal(old.faces, new.faces)
        assert np.isfinite(new.vertices).all()
        assert new.normals is not None
        np.testing.assert_allclose(np.linalg.norm(new.normals, axis=1), 1.0, atol=1e-4)
        counts = [topology(*weld(p.vertices, p.faces)[:2]) for p in (old, new)]
        assert counts[0].closed == counts[1].closed


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(SHAPES), st.tuples(*[st.floats(-1, 1)] * 3), st.floats(0.2, 0.8), st.sampled_from(["ball", "atlas"])
)
def test_what_weighs_nothing_keeps_its_bits(
    edit: Edit, centre: tuple[float, float, float], radius: float, kind: str
) -> None:
    asset = BALL if kind == "ball" else TEXTURED
    region = Region(spheres=((*centre, radius),))
    try:
        (weights,) = region_weights(asset, region)
        found = apply_edits(asset, [edit], region)
    except InputError as error:
        if error.code not in ("region.empty", "edit.size", "edit.coarse", "edit.no-effect"):
            raise
        return
    (old,), (new,) = asset.parts, found.parts
    assert np.array_equal(old.vertices[weights == 0], new.vertices[weights == 0])
    assert old.uv is new.uv
    assert old.material is new.material
    assert np.array_equal(old.faces, new.faces)
    counts = [topology(*weld(p.vertices, p.faces)[:2]) for p in (old, new)]
    assert counts[0].closed == counts[1].closed


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(LOOKS), st.tuples(*[st.floats(-1, 1)] * 3), st.floats(0.2, 0.8))
def test_texels_outside_the_region_keep_their_bytes(
    edit: Edit, centre: tuple[float, float, float], radius: float
) -> None:
    region = Region(spheres=((*centre, radius),))
    try:
        (new,) = apply_edits(TEXTURED, [edit], region).parts
    except InputError as error:
        if error.code not in ("region.empty", "edit.no-effect"):
            raise
        return
    (old,) = TEXTURED.parts
    texels = Texels.of(old, 128)
    far = np.linalg.norm(texels.points - np.array(centre), axis=1) > radius + 0.04 * np.sqrt(12) + 1e-5
    texture = old.material.base_color_texture, new.material.base_color_texture
    assert texture[0] is not None
    assert texture[1] is not None
    pixels = [each.pixels().reshape(-1, 4)[texels.texel[far]] for each in texture]
    assert np.array_equal(*pixels)
    assert np.array_equal(old.vertices, new.vertices)
    assert old.normals is new.normals


@pytest.mark.parametrize("edit", LOOKS, ids=str)
@pytest.mark.parametrize("region", [Region(), CAP, Region(parts=("body",))], ids=["whole", "cap", "part"])
def test_looks_change_the_surface(edit: Edit, region: Region) -> None:
    for asset in (TEXTURED,) if isinstance(edit, Wear) or not region.whole else (BALL, TEXTURED):
        found = apply_edits(asset, [edit], region)
        assert found.metrics["edit.repainted_percent"] > 0
        assert found.metrics["edit.moved_percent"] == 0
        assert topology(*weld(found.parts[0].vertices, found.parts[0].faces)[:2]).closed


def test_a_recoloured_surface_has_the_colour_asked() -> None:
    for asset in (BALL, TEXTURED):
        (made,) = apply_edits(asset, [Recolor("body", "blue")]).parts
        shown = np.array([made.material.base_color[:3]], np.float32)
        if made.material.base_color_texture is not None:
            flat = made.material.base_color_texture.pixels().reshape(-1, 4)[:, :3]
            shown = decode(flat[Texels.of(made, 128).texel])
        goal = to_oklab(np.array([color_of("blue")], np.float32))[0]
        assert np.linalg.norm(to_oklab(shown).mean(axis=0) - goal) < 0.05


def test_glow_goes_on_and_off() -> None:
    off = apply_edits(STAND, [Glow("bulb", on=False)])
    assert off.parts[2].material.emissive == (0.0, 0.0, 0.0)
    on = apply_edits(off, [Glow("bulb", True, "red")])
    assert on.parts[2].material.emissive == color_of("red")
    with pytest.raises(InputError) as caught:
        apply_edits(off, [Glow("", on=False)])
    assert caught.value.code == "edit.no-effect"


def test_longer_stem_lifts_the_bulb_and_removal_removes() -> None:
    found = apply_edits(STAND, [Resize("stem", "length", 0.5, "metres more"), Remove("base")])
    assert [p.name for p in found.parts] == ["stem", "bulb"]
    lift = found.parts[1].vertices - STAND.parts[2].vertices
    np.testing.assert_allclose(lift, [[0.0, 0.5, 0.0]] * len(lift), atol=0.02)


@given(st.sampled_from(["width", "height", "depth"]))
def test_mirroring_twice_and_turning_round_bring_everything_back(axis: str) -> None:
    mirror = Mirror("", axis)  # type: ignore[arg-type]
    once = apply_edits(STAND, [mirror])
    twice = apply_edits(once, [mirror])
    assert all(topology(*weld(part.vertices, part.faces)[:2]).volume > 0 for part in once.parts)
    for old, new in zip(STAND.parts, twice.parts, strict=True):
        np.testing.assert_allclose(old.vertices, new.vertices, atol=1e-6)
        assert topology(*weld(new.vertices, new.faces)[:2]).volume > 0
    quarter = apply_edits(STAND, [Rotate("", "height", 90.0)] * 4)
    for old, new in zip(STAND.parts, quarter.parts, strict=True):
        np.testing.assert_allclose(old.vertices, new.vertices, atol=1e-6)


@given(st.floats(0.3, 3.0), st.sampled_from(["width", "height", "depth", ""]))
def test_scaling_and_its_inverse_return(factor: float, axis: str) -> None:
    there = Resize("", axis, factor)  # type: ignore[arg-type]
    if abs(factor - 1) < 1e-3:
        return
    found = apply_edits(STAND, [there, replace(there, amount=1 / factor)])
    for old, new in zip(STAND.parts, found.parts, strict=True):
        np.testing.assert_allclose(old.vertices, new.vertices, atol=1e-5)


def test_a_region_of_one_surface_grows_without_folding() -> None:
    found = apply_edits(BALL, [Resize("", "height", 1.5)], CAP)
    points, faces, _ = weld(found.parts[0].vertices.astype(np.float64), found.parts[0].faces)
    assert not self_intersections(points, faces).faces.any()
    assert found.bounds()[1, 1] > BALL.bounds()[1, 1] + 0.05


@pytest.mark.parametrize(
    ("edit", "region", "code"),
    [
        (Resize("", "height", 1.0), Region(), "edit.no-effect"),
        (Recolor("spout", "red"), Region(), "region.no-part"),
        (Resize("", "", 2.0), Region(parts=("spout",)), "region.no-part"),
        (Resize("", "", 2.0), Region(spheres=((9.0, 0.0, 0.0, 0.1),)), "region.empty"),
        (Recolor("", "red"), Region(spheres=((9.0, 0.0, 0.0, 0.1),)), "region.empty"),
        (Mirror(), CAP, "edit.region"),
        (Remove("body"), Region(), "edit.nothing-left"),
        (Resize("", "height", -5.0, "metres more"), Region(), "edit.size"),
        (Resize("", "height", float("nan")), Region(), "edit.size"),
        (Wear("", -1.0), Region(), "edit.no-effect"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused(edit: Edit, region: Region, code: str) -> None:
    with pytest.raises(InputError) as caught:
        apply_edits(BALL, [edit], region)
    assert caught.value.code == code


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([*SHAPES, *LOOKS[:5]]), st.sampled_from([1e-30, 1e-6, 1.0, 1e6, 1e30]), st.integers(0, 2**32 - 1)
)
def test_soup_at_any_scale_is_edited_or_refused(edit: Edit, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = (rng.normal(size=(12, 3)) * scale).astype(np.float32)
    faces = rng.integers(0, 12, (14, 3))
    try:
        found = apply_edits(Asset((make_part(points, faces, name="soup"),)), [edit])
    except InputError:
        return
    assert all(np.isfinite(part.vertices).all() for part in found.parts)
