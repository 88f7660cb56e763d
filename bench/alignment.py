"""Prompt alignment: how well the shipped dual encoder tells right prompts from wrong ones on assets it never saw."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from timing import cpu_of

from ml.alignment.calibration import area_under_roc
from ml.alignment.examples import Example, Studio, make_groups
from ml.alignment.judging import Judged, judge
from ml.alignment.model import WEIGHTS, load_alignment
from ml.alignment.tensors import read_tensors
from ml.generators.procedural import Procedural
from ml.generators.protocol import Request
from ml.prompt import parse_prompt
from tasks.alignment import aligned
from tasks.portraits import DIRECTIONS, LAMP, portraits

FIRST_SEED, GROUPS = 2_000_000, 150  # four assets each, of pairs of words that training does not see
BAR = 0.95


def measure() -> Iterator[Figure]:
    """600 held-out assets: right prompts against those of other assets, and against those with one word wrong."""
    studio = Studio(portraits, 64, DIRECTIONS, LAMP, strays=False)
    groups = list(make_groups(range(FIRST_SEED, FIRST_SEED + GROUPS), studio, held=True))
    judged = judge(load_alignment("meshmill"), groups)
    to_asset, to_text = judged.recall()
    yield Figure("prompt finds its asset among 100: R@1", to_asset, "", better="higher")
    yield Figure("asset finds its prompt among 100: R@1", to_text, "", better="higher")
    yield Figure("AUC, right prompts against those of other assets", judged.roc_random, "", BAR, "higher")
    yield Figure("AUC, right prompts against those with one word wrong", judged.roc_hard, "", better="higher")
    for kind, cosines in judged.changed.items():
        name = f"AUC, {kind.replace('_', ' ')} wrong ({len(cosines)} pairs)"
        yield Figure(name, area_under_roc(judged.right, cosines), "", better="higher")
    yield from _calibrated(judged)
    yield from _cost(groups)


def _calibrated(judged: Judged) -> Iterator[Figure]:
    """Whether 80 % means 80 %: mean gap between score and share of right ones over ten bins (Guo et al. 2017)."""
    rng = np.random.default_rng(0)
    wrong = np.concatenate([judged.hard, rng.choice(judged.random, len(judged.hard), replace=False)])
    calibration = load_alignment("meshmill").calibration  # type: ignore[attr-defined]
    score = np.concatenate([calibration.probability(judged.right), calibration.probability(wrong)])
    weight = np.repeat([0.5 / len(judged.right), 0.5 / len(wrong)], [len(judged.right), len(wrong)])
    right = np.repeat([1.0, 0.0], [len(judged.right), len(wrong)])
    bins = np.minimum((score * 10).astype(int), 9)
    gaps = [abs((weight * (score - right))[bins == k].sum()) for k in range(10)]
    yield Figure("calibration error of the score", float(sum(gaps)), "")
    low = calibration.probability(judged.right) < 0.1
    caught = calibration.probability(judged.random) < 0.1
    yield Figure("right prompts that the gate warns of (score below 0.1)", 100 * float(low.mean()), "%")
    yield Figure("prompts of other assets that it warns of", 100 * float(caught.mean()), "%", better="higher")


def _cost(groups: list[list[Example]]) -> Iterator[Figure]:
    prompts = [group[0].prompt for group in groups[:20]]
    made = Procedural().generate([Request("", seed, parse_prompt(text)) for seed, text in enumerate(prompts)])
    pairs = [(asset, text) for asset, text in zip(made, prompts, strict=True) if not hasattr(asset, "code")]
    cpu, _ = cpu_of(lambda: [aligned(asset, text) for asset, text in pairs], 3)  # type: ignore[arg-type]
    yield Figure("an asset's pictures, features and score", 1000 * cpu / len(pairs), "CPU-ms")
    weights = sum(values.size for values in read_tensors(WEIGHTS / "model.safetensors").values())
    yield Figure("weights", weights / 1e6, "million")
    yield Figure("weights file", (WEIGHTS / "model.safetensors").stat().st_size / 1e6, "MB", 6.0)


if __name__ == "__main__":
    main(measure, __doc__ or "")
