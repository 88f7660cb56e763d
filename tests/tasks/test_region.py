"""Regions: parsed with coded errors, and weights that are 1 inside, smooth outside and exactly 0 beyond."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Part, make_part
from ml.part_names import parts_named
from tasks.region import FALLOFF, Region, parse_region, region_weights

NUMBER = st.floats(-3, 3, allow_nan=False)


def part(mesh: trimesh.Trimesh, name: str, shift: float = 0.0) -> Part:
    return make_part(mesh.vertices + np.array([shift, 0.0, 0.0]), mesh.faces, name=name)


ASSET = Asset((part(trimesh.creation.icosphere(3), "body"), part(trimesh.creation.box(), "leg", 3.0)))


def code_of(text: str) -> str:
    """The code that a text is refused with; "" for a region."""
    try:
        parse_region(text)
    except InputError as error:
        return error.code
    return ""


@given(st.text(max_size=60) | st.recursive(st.none() | NUMBER | st.text(max_size=5), st.lists).map(json.dumps))
def test_any_text_is_a_region_or_a_coded_error(text: str) -> None:
    assert code_of(text).startswith("region.") or not code_of(text)


@given(
    st.dictionaries(
        st.sampled_from(["parts", "boxes", "spheres"]),
        st.recursive(st.none() | NUMBER | st.text(max_size=5), lambda x: st.lists(x, max_size=4)),
    )
)
def test_any_content_of_the_keys_is_a_region_or_a_coded_error(content: dict[str, object]) -> None:
    assert code_of(json.dumps(content)).startswith("region.") or not code_of(json.dumps(content))


@given(
    st.lists(st.sampled_from(["leg", "seat"]), max_size=2).map(tuple),
    st.lists(st.tuples(NUMBER, NUMBER, NUMBER).map(lambda a: (*a, *(x + 1.0 for x in a))), max_size=3).map(tuple),
    st.lists(st.tuples(NUMBER, NUMBER, NUMBER, st.floats(0.01, 2)), max_size=3).map(tuple),
)
def test_a_region_is_read_as_it_was_written(parts: tuple, boxes: tuple, spheres: tuple) -> None:
    region = Region(parts, boxes, spheres)
    assert parse_region(region.text()) == region


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "region.not-json"),
        ("[]", "region.not-json"),
        ('{"box": []}', "region.unknown-key"),
        ('{"parts": [3]}', "region.bad-part"),
        ('{"boxes": [{"min": [0,0,0]}]}', "region.bad-box"),
        ('{"boxes": [{"min": [0,2,0], "max": [1,1,1]}]}', "region.bad-box"),
        ('{"spheres": [[0,0,0,NaN]]}', "region.bad-sphere"),
        ('{"spheres": [[0,0,0,0]]}', "region.bad-sphere"),
        ('{"spheres": [[0,0,0,true]]}', "region.bad-sphere"),
        ("[" * 100_000, "region.not-json"),
        (" " + "x" * (1 << 20), "region.too-large"),
    ],
)
def test_what_is_no_region_says_why(text: str, code: str) -> None:
    assert code_of(text) == code


@settings(max_examples=30, deadline=None)
@given(st.tuples(NUMBER, NUMBER, NUMBER), st.floats(0.05, 1.0), st.floats(0.0, 0.3))
def test_weights_follow_the_distance(centre: tuple[float, float, float], radius: float, falloff: float) -> None:
    region = Region(spheres=((*centre, radius),))
    diagonal = float(np.linalg.norm(np.diff(ASSET.bounds(), axis=0)))
    gap = [np.linalg.norm(part.vertices - np.array(centre), axis=1) - radius for part in ASSET.parts]
    if min(g.min() for g in gap) > falloff * diagonal - 1e-5:
        return
    for weight, far in zip(region_weights(ASSET, region, falloff), gap, strict=True):
        assert ((weight >= 0) & (weight <= 1)).all()
        assert (weight[far <= 0] == 1).all()
        assert (weight[far >= falloff * diagonal + 1e-6] == 0).all()
        order = np.argsort(far)
        assert (np.diff(weight[order]) <= 1e-6).all()


def test_a_named_part_weighs_one_and_its_neighbours_nothing() -> None:
    body, leg = region_weights(ASSET, Region(parts=("feet",)), FALLOFF)
    assert not body.any()
    assert (leg == 1).all()
    assert all((weight == 1).all() for weight in region_weights(ASSET, Region()))


def test_a_region_that_holds_nothing_is_refused_with_the_parts_there_are() -> None:
    with pytest.raises(InputError, match="body, leg") as caught:
        region_weights(ASSET, Region(parts=("spout",)))
    assert caught.value.code == "region.no-part"
    with pytest.raises(InputError) as caught:
        region_weights(ASSET, Region(spheres=((50.0, 0.0, 0.0, 1.0),)))
    assert caught.value.code == "region.empty"


@pytest.mark.parametrize(
    ("word", "found"), [("legs", (0,)), ("foot", (0,)), ("Chair_Leg.001", (1,)), ("wheel", (2,)), ("lid", ())]
)
def test_words_name_parts_by_synonym_and_by_what_is_in_a_name(word: str, found: tuple[int, ...]) -> None:
    assert parts_named(word, ["legs", "chair_leg.001", "FrontWheels"]) == found
