"""Right prompts score above wrong ones, and what cannot be judged is said, not guessed."""

import base64

import numpy as np
import pytest

from ml.asset import Asset, InputError, make_part
from ml.generators.procedural import Procedural
from ml.generators.protocol import Request
from ml.prompt import parse_prompt
from tasks.alignment import FEATURES, AlignmentOptions, aligned, features_of
from tasks.gate import gate
from tasks.portraits import BACKGROUND, portraits
from tasks.profile import load_profile

PROMPTS = ("a red chair", "a tall blue lamp", "a walnut table", "a green car", "a gold sword", "a white mug")


@pytest.fixture(scope="module")
def assets() -> list[Asset]:
    made = Procedural().generate([Request("", seed, parse_prompt(text)) for seed, text in enumerate(PROMPTS)])
    return [asset for asset in made if isinstance(asset, Asset)]


@pytest.mark.slow
def test_each_asset_scores_highest_with_its_own_prompt(assets: list[Asset]) -> None:
    scores = np.array([[aligned(each, text).metrics["alignment.score"] for text in PROMPTS] for each in assets])
    assert (scores.argmax(axis=1) == np.arange(len(PROMPTS))).all()
    assert np.diag(scores).min() > 0.5
    assert np.sort(scores, axis=None)[: len(PROMPTS) * 3].max() < 0.1


def test_a_wrong_colour_scores_lower(assets: list[Asset]) -> None:
    for asset, right, wrong in zip(assets[:2], PROMPTS[:2], ("a green chair", "a tall yellow lamp"), strict=True):
        score = [aligned(asset, text).metrics["alignment.score"] for text in (right, wrong)]
        assert score[0] > score[1]


def test_the_gate_warns_or_rejects(assets: list[Asset]) -> None:
    profile = load_profile("none")

    def codes(prompt: str, strict: bool) -> dict[str, str]:
        judged = gate(aligned(assets[0], prompt, AlignmentOptions(strict=strict)), profile)
        return {each.code: each.severity for each in judged.findings if "alignment" in each.code}

    assert codes("a red chair", True) == {}
    assert codes("a green car", False) == {"gate.alignment": "warn"}
    assert codes("a green car", True) == {"gate.alignment": "warn", "gate.alignment.strict": "reject"}


def test_what_cannot_be_judged_is_said(assets: list[Asset]) -> None:
    unknown = aligned(assets[0], "a giraffe")
    assert "alignment.score" not in unknown.metrics
    assert "names nothing" in unknown.notes["alignment"]
    assert FEATURES not in aligned(Asset(()), "a chair").notes
    broken = make_part([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    broken.vertices[0] = np.nan
    assert aligned(Asset((broken,)), "a chair").notes["alignment"].startswith("not judged: mesh.")


def test_features_come_back_from_the_ledger(assets: list[Asset]) -> None:
    asset = aligned(assets[0], "a red chair")
    found = features_of(asset.notes)
    assert found is not None
    assert found[0] == "meshmill"
    assert np.linalg.norm(found[1]) == pytest.approx(1.0, abs=1e-2)
    half = base64.b64encode(np.array([np.nan], "<f2").tobytes()).decode()
    for text in ("", "meshmill", "meshmill ???", f"meshmill {half}", half):
        assert features_of({FEATURES: text}) is None


@pytest.mark.slow
def test_a_missing_model_is_one_line() -> None:
    for name in ("no-such-model", "ViT-B-32", "ViT-B-32@/nowhere/w.pt"):
        with pytest.raises(InputError) as caught:
            aligned(Asset(()), "a chair", AlignmentOptions(name))
        assert caught.value.code == "alignment.missing"
        assert "\n" not in caught.value.message


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e3, 1e30])
def test_portraits_do_not_depend_on_size(assets: list[Asset], scale: float) -> None:
    part = assets[0].merged()
    one = portraits(Asset((make_part(part[0], part[1]),)), 32)
    other = portraits(Asset((make_part(part[0] * scale, part[1]),)), 32)
    assert np.abs(one.astype(int) - other).mean() < 1.0
    assert (one[:, 0, 0] == int(BACKGROUND + 0.5)).all()
