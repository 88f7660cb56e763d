"""How well an alignment model tells right prompts from wrong ones, over groups of assets that differ in one word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.alignment.calibration import F64, area_under_roc
from ml.alignment.examples import Example
from ml.alignment.model import Alignment, pooled
from ml.alignment.tokens import claims
from ml.asset import F32
from ml.prompt import parse_prompt

GALLERY = 100  # assets that a prompt is looked up among


@dataclass(frozen=True)
class Judged:
    """Cosines of prompts with pictures of assets; a prompt counts as wrong only where it claims what was not asked."""

    right: F64  # each asset with its own prompt
    random: F64  # with prompts of other groups
    changed: dict[str, F64]  # by the kind of the one word that is wrong
    seen: F32  # (n, d) mean features of the assets
    read: F32  # (n, d) features of the prompts
    true: F64  # (n, n) 1 where the row's asset fits the column's prompt

    @property
    def hard(self) -> F64:
        """With one word wrong, of any kind."""
        return np.concatenate(list(self.changed.values()))

    @property
    def roc_random(self) -> float:
        """Area under the ROC curve of right prompts against prompts of other groups."""
        return area_under_roc(self.right, self.random)

    @property
    def roc_hard(self) -> float:
        """The same against prompts with one word wrong."""
        return area_under_roc(self.right, self.hard)

    def recall(self, seed: int = 0, rounds: int = 50) -> tuple[float, float]:
        """R@1 among GALLERY: (text to asset, asset to text), over random galleries; another right answer counts too,
        so prompts that say the same are no misses."""
        rng = np.random.default_rng(seed)
        count = min(GALLERY, len(self.seen))
        hits = np.zeros(2)
        for _ in range(rounds):
            few = rng.permutation(len(self.seen))[:count]
            cosine, true = self.seen[few] @ self.read[few].T, self.true[np.ix_(few, few)]
            hits += (true[cosine.argmax(axis=0), np.arange(count)].mean(),
                     true[np.arange(count), cosine.argmax(axis=1)].mean())  # fmt: skip
        return float(hits[0] / rounds), float(hits[1] / rounds)


def judge(model: Alignment, groups: Sequence[Sequence[Example]]) -> Judged:
    """Every asset of the groups with its own prompt, those of its group and those of all others."""
    flat = [example for group in groups for example in group]
    seen = np.stack([pooled(model.images(example.pictures)) for example in flat])
    read = model.texts([example.prompt for example in flat])
    said = [claims(parse_prompt(example.prompt)) for example in flat]
    true = np.array([[wanted <= has for wanted in said] for has in said], dtype=np.float64)
    cosine = (seen @ read.T).astype(np.float64)
    owner = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    first = np.searchsorted(owner, owner)  # of each one's group
    wrong = (true == 0) & (owner[:, None] != owner)
    changed: dict[str, list[float]] = {}
    for at, example in enumerate(flat):
        if example.kind and not true[at, first[at]]:
            changed.setdefault(example.kind, []).append(cosine[at, first[at]])
        if example.kind and not true[first[at], at]:
            changed.setdefault(example.kind, []).append(cosine[first[at], at])
    kinds = {kind: np.array(values) for kind, values in sorted(changed.items())}
    return Judged(np.diag(cosine).copy(), cosine[wrong], kinds, seen, read, true)
