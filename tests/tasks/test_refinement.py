"""Refinement of one asset: on its drawing or on its mesh, in its frame, as asked or refused with a code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.asset import Asset, InputError
from ml.generators.procedural import Procedural, ProceduralOptions
from ml.generators.protocol import Request
from ml.generators.redraw import Drawing, redraw
from ml.prompt import parse_prompt
from ml.readers.gltf import read_glb
from tasks.clean import CleanOptions
from tasks.glb import encode_glb
from tasks.orient import OrientOptions
from tasks.refinement import Change, Origin, Steps, framed, keep_frame, refine
from tasks.revision_check import check_revision
from tasks.scale import ScaleOptions

OPTIONS = ProceduralOptions()
STEPS: Steps = (("clean", CleanOptions()), ("orient", OrientOptions()), ("scale", ScaleOptions(height_m=0.5)))


def parent(prompt: str, seed: int = 7) -> tuple[Asset, Origin]:
    """A drawn asset as it lies in the store, whose master is half a metre high."""
    request = Request("x", seed, parse_prompt(prompt))
    drawn = Procedural(OPTIONS).generate([request])[0]
    assert isinstance(drawn, Asset)
    return read_glb(encode_glb(drawn)), Origin(STEPS, request, OPTIONS, STEPS)


def done(asset: Asset, instruction: str, origin: Origin, region: str = "") -> tuple[Asset, str, str]:
    """(the version, how, what was understood)."""
    made = refine(asset, origin, instruction, region)
    said = json.loads(made.notes["refined"])
    return made, said["how"], said["understood"]


def refused(asset: Asset, origin: Origin, instruction: str, region: str = "") -> str:
    with pytest.raises(InputError) as caught:
        refine(asset, origin, instruction, region)
    return caught.value.code


def height(asset: Asset, part: str) -> float:
    return float(np.ptp(next(each for each in asset.parts if each.name == part).vertices[:, 1]))


def test_a_drawing_stays_in_the_frame_and_the_size_of_its_master() -> None:
    asset, origin = parent("an oak chair")
    made, how, understood = done(asset, "add armrests", origin)
    assert (how, understood) == ("drawing", "with arms")
    was = framed(asset, STEPS)
    assert np.ptp(made.bounds(), axis=0)[1] == pytest.approx(0.5, rel=1e-5)
    assert height(made, "legs") == pytest.approx(height(was, "legs"), rel=1e-5)


def test_a_mesh_is_edited_where_words_cannot_say_it() -> None:
    asset, origin = parent("an oak chair")
    made, how, _ = done(asset, "make the legs 20 % longer", origin)
    assert how == "mesh"
    assert height(made, "legs") == pytest.approx(1.2 * height(framed(asset, STEPS), "legs"), rel=0.02)
    imported = replace(origin, request=None)
    assert done(asset, "seat of gold", imported)[1] == "mesh"
    assert done(asset, "red", origin, '{"parts": ["seat"]}')[1] == "mesh"


def test_what_came_before_is_carried_along() -> None:
    """Longer legs, then armrests: the drawing is made again and its legs are made longer again."""
    asset, origin = parent("an oak chair")
    longer, *_ = done(asset, "make the legs 20 % longer", origin)
    later = replace(origin, frame=keep_frame(STEPS), changes=(Change("mesh", "make the legs 20 % longer"),))
    made, how, _ = done(longer, "add armrests", later)
    assert how == "drawing"
    assert {part.name for part in made.parts} == {part.name for part in longer.parts} | {"arms"}
    assert height(made, "legs") == pytest.approx(height(longer, "legs"), rel=1e-3)
    assert done(longer, "red seat", later)[1] == "mesh"  # a look goes over those the mesh was given


@pytest.mark.parametrize(
    ("prompt", "instruction", "code"),
    [
        ("an oak chair", "give it five legs", "instruction.count"),
        ("a stool", "twelve legs", "instruction.count"),
        ("an oak chair", "add wings", "instruction.unknown"),
        ("a sword", "add gems", "instruction.no-part"),
        ("an oak chair", "remove the spout", "instruction.no-part"),
        ("a barrel", "hoops of iron", "edit.no-effect"),
        ("an oak chair", "remove the glow", "edit.no-effect"),
        ("a red chair", "red seat", "edit.no-effect"),
        ("an oak chair", "", "instruction.empty"),
    ],
)
def test_what_cannot_be_is_refused(prompt: str, instruction: str, code: str) -> None:
    assert refused(*parent(prompt), instruction) == code


def test_regions_are_checked() -> None:
    asset, origin = parent("an oak chair")
    assert refused(asset, origin, "red", '{"parts": ["spout"]}') == "region.no-part"
    assert refused(asset, origin, "red", "[]") == "region.not-json"


@pytest.mark.parametrize(
    ("prompt", "text", "code"),
    [
        ("an oak chair", "add armrests", "instruction.no-part"),
        ("an oak chair", "seat of gold", "edit.no-effect"),
        ("an oak chair", "make it victorian", "edit.no-effect"),
        ("an oak chair", "remove the back", "instruction.not-met"),
        ("a stool", "five legs", "instruction.not-met"),
        ("a lantern", "make it glow", "edit.no-effect"),
    ],
)
def test_a_copy_is_never_called_done(prompt: str, text: str, code: str) -> None:
    found = redraw(Request("x", 7, parse_prompt(prompt)), OPTIONS, (), text)
    assert found is not None
    check_revision(found)
    copied = replace(found, after=Drawing(found.before.asset, found.after.counts))
    with pytest.raises(InputError) as caught:
        check_revision(copied)
    assert caught.value.code == code


@pytest.mark.slow
def test_redraw_asks_the_shape_model_within_the_region(
    random_shape_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.shapes.drawing.WEIGHTS", random_shape_model)
    monkeypatch.setattr("tasks.refinement.REDRAWN_TEXELS", 256)
    asset, origin = parent("an oak chair")
    assert refused(asset, origin, "redraw as a flurb") == "prompt.unknown-noun"
    standing = framed(asset, STEPS)
    low = standing.bounds()[0]
    region = json.dumps({"boxes": [{"min": [-1, 0.3, -1], "max": [1, 1, 1]}]})
    made, how, understood = done(asset, "Redraw it as a chair with armrests", origin, region)
    assert (how, understood) == ("model", "a chair with armrests")
    assert made.parts[0].material.base_color_texture is not None
    assert made.source is None
    assert made.bounds()[0][1] == pytest.approx(low[1], abs=0.002)  # legs stand where they stood
    again = Origin(STEPS, origin.request, OPTIONS, STEPS, (Change("model", "redraw as a chair with armrests"),))
    later, how, _ = done(made, "10 % larger", again)
    assert how == "mesh"  # the drawing does not know what the model made of it
    assert later.face_count == made.face_count
