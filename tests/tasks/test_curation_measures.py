"""What data sets are filtered by: each kind of shape and surface is told from sound ones, at any turn and size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from ml.asset import Asset, Material, Part, Texture, make_part
from tasks.chain import Plan, run_chain
from tasks.clean import CleanOptions
from tasks.export_ply import PlyOptions
from tasks.measure import MeasureOptions, measure
from tasks.profile import load_profile
from tasks.transform import moved
from tests.tasks.measured import ball, box, found, grid

TURNS = st.integers(0, 1000)


def lettered(text: str, depth: float = 4.0) -> Part:
    """A text of square rods, one for each run of pixels."""
    image = Image.new("1", (20 * len(text) + 20, 40))
    ImageDraw.Draw(image).text((5, 2), text, 1, ImageFont.load_default(24))
    pieces = []
    for y, row in enumerate(np.asarray(image).astype(int)):
        edges = np.flatnonzero(np.diff(np.pad(row, 1)))
        for start, end in edges.reshape(-1, 2):
            pieces.append(box((float(end - start), 1.0, depth), x=0.5 * (start + end), y=-float(y)))
    points = np.concatenate([piece.vertices for piece in pieces])
    faces = np.concatenate([piece.faces + 8 * k for k, piece in enumerate(pieces)])
    return make_part(points, faces)


def turned(part: Part, seed: int) -> Part:
    turn = trimesh.transformations.random_rotation_matrix(np.random.default_rng(seed).random(3))[:3, :3]
    return moved(part, turn, np.zeros(3))


def relief(side: int = 24) -> Part:
    sheet = grid(side, np.zeros((8, 8, 3), np.uint8))
    x, _, z = sheet.vertices.T
    height = 0.3 * np.sin(3 * x) * np.cos(5 * z)
    return make_part(np.column_stack([x, height, z]), sheet.faces)


@given(TURNS)
@settings(max_examples=15, deadline=None)
def test_a_relief_is_a_single_surface_and_a_shell_is_none_however_they_lie(seed: int) -> None:
    name = "shape.single_surface"
    assert found(name, turned(relief(), seed))[name] > 0.9
    assert found(name, turned(box((1.0, 1.0, 0.01)), seed))[name] < 0.1
    assert found(name, turned(ball(), seed))[name] < 0.1


@given(TURNS, st.floats(0.001, 0.9), st.floats(0.05, 1.0))
@settings(max_examples=15, deadline=None)
def test_thinness_and_slenderness_are_those_of_the_turned_box(seed: int, thin: float, middle: float) -> None:
    sides = sorted((1.0, middle, min(thin, middle)))
    metrics = found("shape.thinness", turned(box(tuple(sides)), seed))
    for value, side in ((metrics["shape.thinness"], sides[0]), (metrics["shape.slenderness"], sides[1])):
        assert 0.65 * side <= value <= 1.5 * side  # nearly equal sides have no axes of their own: √2 of either


@pytest.mark.parametrize(("text", "least", "most"), [("HELLO", 3, 5), ("Logo3", 4, 5), ("IIIII", 0, 1), ("E", 0, 1)])
def test_letters_are_counted_by_their_outlines(text: str, least: int, most: int) -> None:
    part = lettered(text)
    for each in (part, turned(part, 5)):
        assert least <= found("shape.glyphs", each)["shape.glyphs"] <= most
    plate = box((float(np.ptp(part.vertices[:, 0])) + 10, 50.0, 3.0), x=float(part.vertices[:, 0].mean()), y=-40, z=3.0)
    assert least <= found("shape.glyphs", part, plate)["shape.glyphs"] <= most


def test_things_beside_each_other_are_counted_and_what_belongs_together_is_one() -> None:
    name = "objects.count"
    table = [box((2, 0.1, 1), y=0.9), *(box((0.1, 0.9, 0.1), x=x, z=z) for x in (-0.9, 0.9) for z in (-0.4, 0.4))]
    chair = [ball(0.4, x=2.5), ball(0.3, x=-2.5)]
    floor = box((9.0, 0.02, 5.0), y=-0.02)
    assert found(name, *table)[name] == 1
    assert found(name, *table, *chair)[name] == 3
    assert found(name, *table, *chair, floor)[name] == 3
    assert found(name, *table, floor)[name] == 1
    apart = [replace(part, vertices=part.vertices + np.float32([0, 0.2, 0])) for part in table[:1]]
    assert found(name, *apart, *table[1:])[name] == 1  # a top that hangs over its legs is theirs


def test_what_lies_far_away_makes_the_thing_small() -> None:
    name = "objects.extent"
    assert found(name, ball())[name] == 1
    assert found(name, ball(), ball(0.01, 1, x=30.0))[name] < 0.1


def test_specks_and_faces_without_an_area_are_counted() -> None:
    specks = [ball(0.001, 0, x=0.01 * k) for k in range(60)]
    assert found("pieces.tiny", box(), *specks)["pieces.tiny"] == 60
    part = box()
    flat = part.with_faces(np.concatenate([part.faces, part.faces[:, [0, 1, 1]]]))
    assert found("pieces.tiny", flat)["faces.degenerate_share"] == 0.5


def test_normals_that_contradict_their_faces() -> None:
    part = ball()
    outward = (part.vertices - part.vertices.mean(axis=0)) / 0.5
    good, bad = replace(part, normals=outward), replace(part, normals=-outward)
    name = "normals.against"
    assert found(name, good)[name] == 0
    assert found(name, good, bad)[name] == pytest.approx(0.5)
    assert found(name, part)["normals.missing"] == 1
    assert name not in found(name, part)


def noisy(side: int, smooth: bool) -> np.ndarray:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (side // 16 if smooth else side,) * 2 + (3,), dtype=np.uint8)
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC))


def test_colours_transparency_and_noise() -> None:
    plain = found("albedo.range", box())
    assert (plain["albedo.range"], plain["albedo.transparent"]) == (0, 0)
    two = found("albedo.range", box(), box(material=Material(base_color=(0.9, 0.0, 0.0, 0.3), alpha_mode="BLEND")))
    assert (two["albedo.range"], two["albedo.transparent"]) == (231, 0.5)
    white, smooth = (found("texture.noise", grid(4, noisy(128, kind))) for kind in (False, True))
    assert white["texture.noise"] == pytest.approx(1.0, abs=0.05)
    assert smooth["texture.noise"] < 0.05
    assert smooth["texture.across"] == pytest.approx(128)


def test_an_intake_stops_what_it_rejects_and_lets_the_rest_pass() -> None:
    plan = Plan((("clean", CleanOptions()),), exports=(("ply", PlyOptions()),), intake=load_profile("curation"))
    sound = run_chain(Asset((ball(),)), plan, "x")
    assert (sound.outcome, [file.format for file in sound.files]) == ("passed", ["ply"])
    assert {"intake", "clean", "export.ply"} <= set(sound.timings)
    flat = run_chain(Asset((ball(), ball(0.4, x=4.0))), plan, "x")
    assert flat.outcome == "rejected"
    assert flat.reasons == ("gate.multi-object",)
    assert flat.files == []
    assert flat.metrics["objects.count"] == 2
    assert set(flat.timings) == {"intake"}


def test_warnings_of_the_intake_stay_beside_the_findings_of_the_gate() -> None:
    plan = Plan((), load_profile("print-fdm"), intake=load_profile("curation"))
    product = run_chain(Asset((ball(),)), plan, "x")
    assert "gate.normals.missing" in product.message


def test_a_picture_that_cannot_be_decoded_is_a_coded_error() -> None:
    part = grid(4, noisy(64, True))
    broken = Texture(part.material.base_color_texture.data[:200])  # type: ignore[union-attr]
    part = replace(part, material=replace(part.material, base_color_texture=broken))
    with pytest.raises(Exception, match="image"):
        measure(Asset((part,)), MeasureOptions(frozenset(["texture.noise"])))
