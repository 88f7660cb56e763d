"""Stated colours and materials: found on the part they are stated of, and missed where they are not."""

import numpy as np
import pytest

from ml.prompt import parse_prompt
from ml.shapes.claims import claims_of
from ml.substances import COLORS
from tasks.shape_body import Body, uniform_looks
from tasks.shape_claims import another, color_errors, judged
from tasks.shape_truths import Truth, looks_of, truth_of_prompt

PROMPT = "a red chair with oak legs"


@pytest.fixture(scope="module")
def chairs() -> list[Truth]:
    found = [truth_of_prompt(PROMPT, seed) for seed in range(3)]
    return [each for each in found if each]


def painted(body: Body, *looks: float) -> Body:
    return Body(body.vertices, body.faces, uniform_looks(looks))


def test_claims_are_what_the_prompt_says() -> None:
    said = [(claim.part, claim.word, claim.metallic) for claim in claims_of(parse_prompt(PROMPT))]
    assert said == [("", "red", None), ("legs", "oak", False)]
    hidden = claims_of(parse_prompt("a blue steel table"))
    assert [(claim.word, bool(claim.colors), claim.metallic) for claim in hidden] == [
        ("blue", True, None),
        ("steel", False, True),
    ]
    (wood,) = claims_of(parse_prompt("a wooden table"))
    assert len(wood.colors) > 10


def test_the_generators_own_chairs_hold_what_was_asked(chairs: list[Truth]) -> None:
    claims = claims_of(parse_prompt(PROMPT))
    assert judged(chairs[0].body, claims, chairs[1:]) == [True, True]


def test_a_word_is_looked_for_on_its_part(chairs: list[Truth]) -> None:
    """A chair all red has no oak legs, one all oak is not red, a blue one is neither."""
    claims, body = claims_of(parse_prompt(PROMPT)), chairs[0].body
    red, oak, blue = ((0.77, 0.14, 0.12), (0.69, 0.51, 0.31), (0.1, 0.2, 0.8))
    rest = (0.5, 0.0, 0.0, 0.0, 0.0)
    assert judged(painted(body, *red, *rest), claims, chairs[1:]) == [True, False]
    assert judged(painted(body, *oak, *rest), claims, chairs[1:]) == [False, True]
    assert judged(painted(body, *blue, *rest), claims, chairs[1:]) == [False, False]


def test_metal_is_no_paint(chairs: list[Truth]) -> None:
    claims = claims_of(parse_prompt("a silver chair"))
    answers = [each for seed in (3, 4) if (each := truth_of_prompt("a silver chair", seed))]
    grey = answers[0].body.looks[0].copy()
    grey[4] = 0.0
    assert judged(answers[0].body, claims, answers[1:]) == [True]
    assert judged(painted(chairs[0].body, *grey), claims, answers) == [False]


def test_what_the_answers_do_not_show_is_not_judged(chairs: list[Truth]) -> None:
    claims = claims_of(parse_prompt("a chair with white windows"))
    assert judged(chairs[0].body, claims, chairs) == [None]
    assert judged(chairs[0].body, claims, []) == [None]


def test_other_words_fail_where_the_right_one_holds(chairs: list[Truth]) -> None:
    claims = claims_of(parse_prompt(PROMPT))
    others = claims_of(parse_prompt("a green chest with marble lid"))
    wrong = [another(claim, others, k) for k, claim in enumerate(claims)]
    assert [claim.word for claim in wrong] == ["green", "marble"]
    assert judged(chairs[0].body, claims, chairs[1:], wrong) == [False, False]


def test_colour_errors_are_those_of_cielab() -> None:
    """White to black is 100 in lightness; a colour to itself nothing; looks_of keeps a material's sRGB."""
    white = np.array([[1, 1, 1, 0, 0, 0, 0, 0]], np.float32)
    assert color_errors(white, [(0.0, 0.0, 0.0)])[0] == pytest.approx(100.0, abs=0.1)
    assert color_errors(white, [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0)])[0] == pytest.approx(0.0, abs=0.1)
    truth = truth_of_prompt("a teal mug", 1)
    assert truth is not None
    looks = np.array([looks_of(part.material) for part in truth.asset.parts], np.float32)
    assert color_errors(looks, [COLORS["teal"]]).min() < 0.5


def test_prompts_that_name_nothing_have_no_truth() -> None:
    assert truth_of_prompt("something nice", 0) is None
