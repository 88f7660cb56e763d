"""Whether a shape has the colours and materials that its prompt states, each on the part it is stated of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32
from ml.parametric.finishes import SAID_AS
from ml.shapes.claims import Claim
from ml.silhouette import lab
from ml.srgb import to_srgb
from ml.substances import Color
from tasks.shape_body import Body
from tasks.shape_truths import Truth
from tasks.topology import F64

TOLERANCE = 20.0  # ΔE*ab (CIE 1976): with it 96 % of true words pass, and 7 % of others; with 30, 17 % do
FEWEST = 12  # of 8,192 samples: a part with fewer has no place on the surface that can be judged
Mask = npt.NDArray[np.bool_]


def holds(claim: Claim, looks: F32) -> Mask:
    """(n,) whether (n, 8) looks are what the claim says."""
    right = np.ones(len(looks), np.bool_)
    if claim.colors:
        right = color_errors(looks, claim.colors) <= TOLERANCE
    if claim.metallic is not None:
        right &= (looks[:, 4] > 0.5) == claim.metallic
    return right


def another(claim: Claim, others: Sequence[Claim], start: int) -> Claim:
    """The first of the others, from `start` on, that means something else of the same kind; itself without any."""
    for k in range(len(others)):
        other = others[(start + k) % len(others)]
        alike = bool(other.colors) == bool(claim.colors)
        apart = not set(other.colors) & set(claim.colors) if other.colors else other.metallic != claim.metallic
        if alike and apart:
            return other
    return claim


def color_errors(looks: F32, colors: Sequence[Color]) -> F64:
    """(n,) ΔE*ab in CIELAB between (n, 8) looks' albedo and the nearest of the colours."""
    wanted = _lab(np.array([to_srgb(color) for color in colors]))
    return np.asarray(np.linalg.norm(_lab(looks[:, :3])[:, None] - wanted, axis=2).min(axis=1))


def _lab(srgb: npt.ArrayLike) -> F64:
    codes = np.rint(np.clip(np.asarray(srgb), 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.asarray(lab(np.concatenate([codes, np.full((len(codes), 1), 255, np.uint8)], axis=1)[None])[0])


def judged(
    made: Body, claims: Sequence[Claim], answers: Sequence[Truth], words: Sequence[Claim] | None = None
) -> list[bool | None]:
    """Whether each claim holds on the made surface; None where the right answers do not tell on which part it should.

    `answers` are what the generator itself makes of the same prompt. The one whose surface is nearest in the box frame
    says which part each sample of the made one belongs to. A word of a part is looked for on that part; a word of
    the whole on those parts that have it there, since a red sofa may have oak legs. It holds when most samples do.
    `words` are looked for in the places of the claims instead of their own: how much the check lets pass.
    """
    if not answers:
        return [None] * len(claims)
    answer, owners = _nearest(made, answers)
    there = answer.owners[answer.body.samples.faces]
    found: list[bool | None] = []
    for claim, word in zip(claims, words or claims, strict=True):
        shown = _parts_with(claim, answer, there)
        place = shown[owners]
        told = np.count_nonzero(shown[there]) >= FEWEST
        enough = np.count_nonzero(place) >= FEWEST / 2
        found.append(bool(enough and holds(word, made.looks[place]).mean() > 0.5) if told else None)
    return found


def _parts_with(claim: Claim, answer: Truth, there: I32) -> Mask:
    """Which parts of the answer the claim is about; `there` (k,) is the part of each of its samples."""
    if claim.part:
        return np.array([SAID_AS.get(part.name, part.name) == claim.part for part in answer.asset.parts])
    count = len(answer.asset.parts)
    right = np.bincount(there, holds(claim, answer.body.looks), count)
    return np.asarray(right > 0.5 * np.bincount(there, minlength=count))


def _nearest(made: Body, answers: Sequence[Truth]) -> tuple[Truth, I32]:
    """The answer whose surface is nearest, and the part (k,) of it that each of the made samples lies at."""
    from scipy.spatial import cKDTree  # not at module level: the common chain loads no scipy

    found = [cKDTree(answer.body.boxed).query(made.boxed) for answer in answers]
    best = int(np.argmin([distance.mean() for distance, _ in found]))
    owners = answers[best].owners[answers[best].body.samples.faces]
    return answers[best], owners[found[best][1]]
