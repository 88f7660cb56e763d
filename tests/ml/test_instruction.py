"""Instructions: generated sentences give the edits they were made from, and any other text a coded refusal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import InputError
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
from ml.instruction import parse_instruction
from ml.instruction_words import ACTIONS, SIZES
from ml.vocabulary import COLOR_WORDS, MATERIAL_WORDS

PARTS = ("legs", "seat", "back", "handle", "lid", "mirrors", "Cargo_Hold")
WORDS = [*ACTIONS, *SIZES, *PARTS, "20 %", "5 cm", "twice", "and", ",", "the", "red", "oak", "to", "less", "no", "too"]
COMPARED = {"longer": "length", "taller": "height", "wider": "width", "deeper": "depth", "thicker": "thickness"}
LOOKS = [w for w in COLOR_WORDS if w not in MATERIAL_WORDS and w not in ("rust",)]


def code_of(text: str, parts: tuple[str, ...] = PARTS, subject: str = "") -> str:
    """The code a text is refused with; "" for edits."""
    try:
        return "" if parse_instruction(text, parts, subject) else "nothing"
    except InputError as error:
        return error.code


@given(st.text(max_size=80) | st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join))
def test_any_text_is_edits_or_a_coded_refusal(text: str) -> None:
    assert not code_of(text) or code_of(text).startswith("instruction.")


@st.composite
def sentences(draw: st.DrawFn) -> tuple[str, Edit]:
    """One sentence of each kind with what it means."""
    part = draw(st.sampled_from(PARTS[:5]))
    the = draw(st.sampled_from(["", "the "])) + part
    word, axis = draw(st.sampled_from(list(COMPARED.items())))
    percent, times = draw(st.integers(1, 99)), draw(st.integers(2, 9))
    centimetres, degrees = draw(st.integers(1, 90)), draw(st.integers(1, 360))
    color, material = draw(st.sampled_from(LOOKS)), draw(st.sampled_from(sorted(MATERIAL_WORDS)))
    code = f"#{draw(st.integers(0, 0xFFFFFF)):06x}"
    return draw(
        st.sampled_from(
            [
                (f"make {the} {word}", Resize(part, axis, 1.25)),
                (f"{the} {percent} % {word}", Resize(part, axis, 1 + percent / 100)),
                (f"make {the} {times} times {word}", Resize(part, axis, float(times))),
                (f"{the} {centimetres} cm {word}", Resize(part, axis, centimetres * 0.01, "metres more")),
                (f"set the height of {the} to {centimetres} cm", Resize(part, "height", centimetres * 0.01, "metres")),
                (f"paint {the} {color}", Recolor(part, COLOR_WORDS[color])),
                (f"{the} of {material}", SetMaterial(part, MATERIAL_WORDS[material])),
                (f"{code} {part}", Recolor(part, code)),
                (f"bend {the} by {degrees} degrees", Bend(part, float(degrees))),
                (f"twist {the} {degrees}°", Twist(part, float(degrees))),
                (f"rotate {the} by {degrees} degrees clockwise", Rotate(part, "height", -float(degrees))),
                (f"remove {the}", Remove(part)),
                (f"no {part}", Remove(part)),
                (f"{the} more worn", Wear(part, 0.6)),
                (f"make {the} glow {color}", Glow(part, True, COLOR_WORDS[color])),
                (f"smooth {the}", Smooth(part)),
                (f"make {the} shinier", Polish(part, 0.6)),
            ]
        )
    )


@settings(max_examples=300)
@given(sentences())
def test_a_sentence_is_understood_as_it_was_meant(made: tuple[str, Edit]) -> None:
    text, edit = made
    (found,) = parse_instruction(text, PARTS)
    assert found == edit or (isinstance(edit, Resize) and found == Resize(edit.part, edit.axis, *_close(found, edit)))


def _close(found: Edit, edit: Resize) -> tuple[float, str]:
    assert isinstance(found, Resize)
    assert found.amount == pytest.approx(edit.amount)
    return found.amount, edit.unit


@pytest.mark.parametrize(
    ("text", "edits"),
    [
        ("make the legs longer and the seat red", (Resize("legs", "length", 1.25), Recolor("seat", "red"))),
        ("longer, thinner legs", (Resize("legs", "length", 1.25), Resize("legs", "thickness", 0.8))),
        ("legs longer and thinner", (Resize("legs", "length", 1.25), Resize("legs", "thickness", 0.8))),
        ("red legs and back", (Recolor("legs", "red"), Recolor("back", "red"))),
        ("twice as tall", (Resize("", "height", 2.0),)),
        ("half as wide", (Resize("", "width", 0.5),)),
        ("twice as thin", (Resize("", "thickness", 0.5),)),
        ("a third taller", (Resize("", "height", 4 / 3),)),
        ("double the height", (Resize("", "height", 2.0),)),
        ("make it 1.2 m high", (Resize("", "height", 1.2, "metres"),)),
        ("reduce the width to 40 cm", (Resize("", "width", 0.4, "metres"),)),
        ("the legs are too long", (Resize("legs", "length", 0.8),)),
        ("scale to 80 %", (Resize("", "", 0.8),)),
        ("remove the glow", (Glow("", on=False),)),
        ("less worn", (Wear("", -0.6),)),
        ("palette #aa3311 #223344", (Palette(("#aa3311", "#223344")),)),
        ("palette of red, blue and white", (Palette(("red", "blue", "white")),)),
        ("mirror it", (Mirror("", "width"),)),
        ("bigger mirrors", (Resize("mirrors", "", 1.25),)),
        ("upside down, darker", (Rotate("", "depth", 180.0), Tone("", -0.12))),
        ("turn it upside down", (Rotate("", "depth", 180.0),)),
        ("taper the legs", (Taper("legs", 0.6),)),
        ("much darker", (Tone("", -0.18),)),
        ("blue velvet seat", (SetMaterial("seat", "velvet", "blue"),)),
        ("the back 10% taller", (Resize("back", "height", 1.1),)),
        ("cargo_hold longer", (Resize("Cargo_Hold", "length", 1.25),)),
        ("make the chair taller", (Resize("", "height", 1.25),)),
    ],
)
def test_what_instructions_mean(text: str, edits: tuple[Edit, ...]) -> None:
    found = parse_instruction(text, PARTS, "chair")
    assert [type(a) for a in found] == [type(b) for b in edits]
    for a, b in zip(found, edits, strict=True):
        assert {k: pytest.approx(v) for k, v in vars(b).items()} == vars(a)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "instruction.empty"),
        (" please ", "instruction.empty"),
        ("make the flurb longer", "instruction.unknown"),
        ("don't make it longer", "instruction.unknown"),
        ("more modern", "instruction.unknown"),
        ("make the legs", "instruction.unknown"),
        ("longer spout", "instruction.no-part"),
        ("make the lamp red", "instruction.no-part"),
        ("make the seat red and blue", "instruction.conflict"),
        ("200 % shorter", "instruction.amount"),
        ("scale by 0", "instruction.amount"),
        ("bend it by 20 cm", "instruction.amount"),
        ("make it 3 m", "instruction.amount"),
        ("longer " * 400, "instruction.too-long"),
    ],
)
def test_what_is_refused(text: str, code: str) -> None:
    assert code_of(text, subject="chair") == code


def test_a_missing_part_is_refused_with_the_parts_there_are() -> None:
    with pytest.raises(InputError, match="legs, seat, back, handle, lid, mirrors, Cargo_Hold"):
        parse_instruction("remove the spout", PARTS)
