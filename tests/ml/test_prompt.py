"""What prompts are understood to say, and that no text at all can break or stall the reading."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml.prompt import Constraints, PartAttributes, parse_prompt
from ml.substances import SUBSTANCES, color_of, linear
from ml.vocabulary import COLOR_WORDS, LONG_AXIS, MATERIAL_WORDS, category_of, nearest, singular


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("a chair", "chair"),
        ("a chair for a giraffe", "chair"),
        ("a photo of a giraffe", "giraffe"),
        ("a photo of a red chair", "chair"),
        ("highly detailed 3d render of an old oak chair", "chair"),
        ("make me a 3d model of a rocket please", "rocket"),
        ("a set of six wine glasses", "wine glass"),
        ("a chest of drawers", "chest of drawers"),
        ("bookshelves", "bookshelf"),
        ("axes", "axe"),
        ("a house cat", "cat"),
        ("a chair giraffe", "giraffe"),
        ("key ring", "ring"),
        ("a table leg", "leg"),
        ("a wheel", "wheel"),
        ("a spooky, old chair", "chair"),
        ("red, tall chair, studio lighting", "chair"),
        ("table lamp", "table lamp"),
        ("a light", "light"),
        ("light oak desk", "desk"),
        ("a glass vase", "vase"),
        ("a table, glass and steel", "table"),
        ("for my kitchen, a stool", "stool"),
        ("a chair painted red", "chair"),
        ("a painted chair", "chair"),
        ("a chair and a giraffe", "chair"),
        ("a giraffe and a chair", "giraffe"),
        ("red wooden", ""),
        ("not a chair", ""),
        ("🪑", ""),
    ],
)
def test_subject(text: str, subject: str) -> None:
    assert parse_prompt(text).subject == subject


def test_words_are_sorted_by_what_they_say() -> None:
    prompt = parse_prompt("A tall, rustic dark green oak chair with curved brass legs and a red velvet cushion")
    assert prompt.attributes == ("tall",)
    assert prompt.styles == ("rustic",)
    assert prompt.colors == ("dark green",)
    assert prompt.materials == ("oak",)
    assert prompt.parts == (
        PartAttributes("legs", "brass", None, ("curved",)),
        PartAttributes("cushion", "velvet", "red"),
    )
    assert prompt.ignored == ()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("sword with a blade of gold", PartAttributes("blade", "gold")),
        ("oak table with black metal legs", PartAttributes("legs", "metal", "black")),
        ("chair with oak legs painted navy blue", PartAttributes("legs", "oak", "navy")),
        ("house with a roof made of slate", PartAttributes("roof", "slate")),
        ("vase with a lid", PartAttributes("lid")),
        ("mug with #aabbcc handle", PartAttributes("handle", None, "#aabbcc")),
    ],
)
def test_part_attributes(text: str, part: PartAttributes) -> None:
    assert parse_prompt(text).parts == (part,)


@pytest.mark.parametrize(
    ("text", "material"),
    [("table made of oak", "oak"), ("chair in leather", "leather"), ("bowl, glazed ceramic", "ceramic")],
)
def test_material_after_the_noun(text: str, material: str) -> None:
    assert parse_prompt(text).materials == (material,)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("three-legged stool", (("legs", 3),)),
        ("3 legged stool", (("legs", 3),)),
        ("a chest with six drawers", (("drawers", 6),)),
        ("six drawer oak chest", (("drawers", 6),)),
        ("bookcase with 5 shelves and two doors", (("shelves", 5), ("doors", 2))),
        ("two chairs", ()),
    ],
)
def test_counts(text: str, counts: tuple[tuple[str, int], ...]) -> None:
    assert parse_prompt(text).counts == counts


def test_what_is_said_of_other_things_is_not_applied() -> None:
    for text in ("a cup with a red dragon", "a vase on a red marble table", "a chair for a tall red giraffe"):
        prompt = parse_prompt(text)
        assert (prompt.colors, prompt.materials, prompt.attributes) == ((), (), ())
        assert "red" in prompt.ignored
    assert parse_prompt("a house in a forest").colors == ()


@pytest.mark.parametrize(
    ("text", "negatives"),
    [
        ("a sword, not rusty", ("rusty",)),
        ("a mug, no handles", ("handle",)),
        ("chair without arms or stretchers, red", ("arms", "stretchers")),
        ("a chair that isn't red but blue", ("red",)),
        ("table with no metal legs", ("metal legs",)),
        ("non-metallic lamp", ("metal lamp",)),
    ],
)
def test_negatives(text: str, negatives: tuple[str, ...]) -> None:
    assert parse_prompt(text).negatives == negatives


def test_negated_words_are_not_applied() -> None:
    prompt = parse_prompt("a red oak chair with brass legs and arms", "red, oak; arms, not brass legs, old")
    assert prompt.negatives == ("red", "oak", "arms", "brass legs", "worn")
    assert (prompt.colors, prompt.materials) == ((), ())
    assert prompt.parts == (PartAttributes("legs"),)
    assert parse_prompt("iron chair", "metal").materials == ()
    assert parse_prompt("a chair that is not red but blue").colors == ("blue",)


@pytest.mark.parametrize(
    ("text", "constraints"),
    [
        ("chair under 5000 triangles", Constraints(max_triangles=5000)),
        ("max 2k faces chair", Constraints(max_triangles=2000)),
        ("less than 10,000 polys", Constraints(max_triangles=10_000)),
        ("at most 1.5 million polygons", Constraints(max_triangles=1_500_000)),
        ("vase 30 cm tall", Constraints(height_m=0.3)),
        ("30-cm-tall vase", Constraints(height_m=0.3)),
        ("1.2 m wide bench", Constraints(width_m=1.2)),
        ("1,5 m high", Constraints(height_m=1.5)),
        ("3 ft high", Constraints(height_m=0.9144)),
        ("5 ft 6 in tall shelf", Constraints(height_m=1.6764)),
        ("12 inches deep", Constraints(depth_m=0.3048)),
        ('12" wide', Constraints(width_m=0.3048)),
        ("a height of 45 cm", Constraints(height_m=0.45)),
        ("plate 26 cm in diameter", Constraints(width_m=0.26, depth_m=0.26)),
        ("80x40x75 cm table", Constraints(width_m=0.8, depth_m=0.4, height_m=0.75)),
        ("120cm × 60cm desk", Constraints(width_m=1.2, depth_m=0.6)),
        ("a 2 m long bench", Constraints(width_m=2.0)),
        ("a 1 m long sword", Constraints(height_m=1.0)),
        ("a car, 4 m long", Constraints(depth_m=4.0)),
        ("0 cm tall", Constraints()),
        ("9" * 400 + " m tall", Constraints()),
        ("low poly chair", Constraints()),
    ],
)
def test_constraints(text: str, constraints: Constraints) -> None:
    assert parse_prompt(text).constraints == constraints


def test_constraint_words_leave_no_attributes_behind() -> None:
    prompt = parse_prompt("a 30 cm tall, 20 cm wide vase under 5k triangles, low poly")
    assert prompt.attributes == ()
    assert prompt.styles == ("low-poly",)


@given(st.text(max_size=400), st.text(max_size=60))
@example("\x00\ud7ff\u202e chair \x1b[31m", "")
@example("no no no not without", "no")
@example("ﷺ" * 300, "")
@example("#ffffff#fff ###", "#")
@settings(max_examples=150, deadline=None)
def test_any_text_is_understood_somehow(text: str, negative: str) -> None:
    prompt = parse_prompt(text, negative)
    assert prompt.text == text
    assert prompt == parse_prompt(text, negative)


WORDS = ["a", "red", "oak", "chair", "legs", "with", "no", "of", "six", "not", ",", "and", "giraffe", "30", "cm", "x"]


@given(st.lists(st.sampled_from(WORDS), max_size=40))
@settings(max_examples=150, deadline=None)
def test_what_is_negated_is_never_also_applied(words: list[str]) -> None:
    prompt = parse_prompt(" ".join(words))
    applied = {*prompt.colors, *prompt.materials, *prompt.styles, *prompt.attributes, *(p.part for p in prompt.parts)}
    assert not applied & set(prompt.negatives)
    assert all(color_of(color) for color in prompt.colors)


@pytest.mark.parametrize(
    "unit", ["chair ", "1,", "9", "no ", "1x1x", "30 cm ", "x" * 50 + " ", "🪑 ", "\x00", "max of "]
)
def test_100_kb_takes_no_longer_than_its_beginning(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    began = time.process_time()
    prompt = parse_prompt(text, text)
    assert time.process_time() - began < 0.5
    assert prompt.truncated
    assert prompt.subject == parse_prompt(text[:2000]).subject


def test_nearest_names_what_the_writer_may_have_meant() -> None:
    assert nearest("stol")[0] == "stool"
    assert nearest("chiar")[0] == "chair"
    assert len(nearest("zzzzzz")) > 0


def test_vocabulary_is_consistent() -> None:
    assert all(color_of(name) for name in COLOR_WORDS.values())
    assert set(MATERIAL_WORDS.values()) <= {*SUBSTANCES, "wood", "metal"}
    assert all(category_of(name) == name for name in LONG_AXIS)
    assert color_of("dark green")[1] < color_of("green")[1] < color_of("light green")[1]
    assert linear("#ffffff") == (1.0, 1.0, 1.0)
    assert linear("#808080")[0] == pytest.approx(0.21586, abs=1e-4)


@pytest.mark.parametrize(
    ("plural", "one"),
    [("glasses", "glass"), ("benches", "bench"), ("giraffes", "giraffe"), ("bus", "bus"), ("cacti", "cacti")],
)
def test_singular(plural: str, one: str) -> None:
    assert singular(plural, {"glass": "", "bench": "", "cacti": ""}) == one
