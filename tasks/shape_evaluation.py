"""Figures of a shape model on held-out assets: what the autoencoder keeps, and what texts become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ml.prompt import parse_prompt
from ml.shapes.asked import Asked
from ml.shapes.claims import claims_of
from tasks.closed_surface import check_closed
from tasks.figures import Figure
from tasks.shape_body import Body
from tasks.shape_categories import Judge
from tasks.shape_claims import another, judged
from tasks.shape_figures import Match, match, means, volume_iou
from tasks.shape_makers import Maker
from tasks.shape_outlines import stands, upside_down
from tasks.shape_sets import spread
from tasks.shape_truths import Truth, truth_of_prompt

ANSWERS = 3  # shapes that the generator makes of a prompt, to say where on a made one each part is
OF_A_KIND = 12  # that the generator makes of a category's name alone
FLOOR = "ground truth"
POINTS = 20_000  # of a volume where nothing is judged by it


def autoencoder(maker: Maker, truths: Sequence[Truth]) -> Iterator[Figure]:
    """Held-out assets through the autoencoder: 100,000 points a volume, 8,192 a surface, see tasks/shape_figures.py."""
    examples = [truth.example for truth in truths]
    bodies = maker.rebuilt(examples)
    plain = zip(truths, maker.rebuilt(examples, closer=False), strict=True)
    found = means([_match(truth.body, body) for truth, body in zip(truths, bodies, strict=True)])
    of = f" ({len(truths)} held-out assets)"
    yield Figure("rebuilt: volume IoU" + of, found.iou, "", 0.95, "higher")
    alone = [volume_iou(truth.body, body, POINTS) if body else 0.0 for truth, body in plain]
    yield Figure("rebuilt by the encoder alone: volume IoU", float(np.mean(alone)), "", better="higher")
    yield Figure("rebuilt: Chamfer-L1 of half the diagonal", 100 * found.chamfer, "%", 1.5)
    yield Figure("rebuilt: F-score at 2 % of half the diagonal", found.f_score, "", 0.95, "higher")
    yield Figure("rebuilt: normal consistency", found.normals, "", 0.93, "higher")
    yield Figure("rebuilt: PSNR of the albedo", found.albedo_psnr, "dB", 24.0, "higher")
    yield Figure("rebuilt: PSNR of all eight channels", found.looks_psnr, "dB", better="higher")
    yield from solid("rebuilt", bodies)


def _match(true: Body, made: Body | None) -> Match:
    """A shape that is not there matches in nothing, and is a whole half diagonal away."""
    return Match(0.0, 1.0, 0.0, 0.0, 0.0, 0.0) if made is None else match(true, made)


def text_to_shape(
    maker: Maker, truths: Sequence[Truth], seen: Sequence[Truth], judge: Judge, seed: int
) -> Iterator[Figure]:
    """The longest captions of held-out assets. Category by geometry alone, colours and materials by part, each beside
    what the same check says of the true assets; distances to the held-out set beside those of as many training ones."""
    prompts = [truth.captions[0] for truth in truths]
    bodies = maker.made([Asked(prompt, "", ()) for prompt in prompts], range(seed, seed + len(prompts)))
    yield categories("text", bodies, truths, judge)
    answers = [_answers(prompt, seed) for prompt in prompts]
    yield from _stated(bodies, truths, answers)
    yield from _distances(bodies, truths, seen)
    yield from _upright(bodies, truths, answers, seed)
    yield from solid("text", bodies)


def categories(
    what: str, bodies: Sequence[Body | None], truths: Sequence[Truth], judge: Judge, bar: float = 0.95
) -> Figure:
    """The share of made shapes whose geometry is of the true category; what is missing is wrong."""
    both = zip(bodies, truths, strict=True)
    found = [body is not None and judge.category(body) == truth.category for body, truth in both]
    floor = [judge.category(truth.body) == truth.category for truth in truths]
    name = f"{what}: right category, by geometry ({len(truths)} shapes)"
    return Figure(name, float(np.mean(found)), "", bar, "higher", FLOOR, float(np.mean(floor)))


def _answers(prompt: str, seed: int, count: int = ANSWERS) -> list[Truth]:
    made = (truth_of_prompt(prompt, seed + k) for k in range(count))
    return [each for each in made if each is not None]


def _stated(
    bodies: Sequence[Body | None], truths: Sequence[Truth], answers: Sequence[Sequence[Truth]]
) -> Iterator[Figure]:
    """Shares of the stated colours and materials that are where they should be: made, true, and with wrong words."""
    stated = [claims_of(parse_prompt(truth.captions[0])) for truth in truths]
    others = [claim for claims in stated for claim in claims]
    made, true, chance = list[bool](), list[bool](), list[bool]()
    for k, (body, truth, claims, near) in enumerate(zip(bodies, truths, stated, answers, strict=True)):
        ceiling = judged(truth.body, claims, near)
        true += [each for each in ceiling if each is not None]
        found = judged(body, claims, near) if body else [None if each is None else False for each in ceiling]
        made += [each for each in found if each is not None]
        wrong = [another(claim, others, k) for claim in claims]
        chance += [each for each in judged(truth.body, claims, near, wrong) if each is not None]
    name = f"text: stated colours and materials on their parts ({len(made)} of {len(others)} words judged)"
    yield Figure(name, _share(made), "", 0.85, "higher", FLOOR, _share(true))
    yield Figure("text: other words than stated that the true assets pass for", _share(chance), "")


def _upright(
    bodies: Sequence[Body | None], truths: Sequence[Truth], answers: Sequence[Sequence[Truth]], seed: int
) -> Iterator[Figure]:
    """Shares that stand, by what their words become or by others of their kind: made, true, and true upside down."""
    names = sorted({truth.category for truth in truths})
    kinds = {name: [each.body for each in _answers(name, seed, OF_A_KIND)] for name in names}
    likes = [([each.body for each in near], kinds[truth.category]) for truth, near in zip(truths, answers, strict=True)]
    made = [stands(body, *like) for body, like in zip(bodies, likes, strict=True) if body]
    true = [stands(truth.body, *like) for truth, like in zip(truths, likes, strict=True)]
    yield Figure("text: stands upright", _share(made), "", 1.0, "higher", FLOOR, _share(true))
    fallen = [stands(upside_down(truth.body), *like) for truth, like in zip(truths, likes, strict=True)]
    yield Figure("text: true assets upside down that pass for upright", _share(fallen), "")


def _distances(bodies: Sequence[Body | None], truths: Sequence[Truth], seen: Sequence[Truth]) -> Iterator[Figure]:
    there, held = [body for body in bodies if body], [truth.body for truth in truths]
    if not there:
        return
    ours, training = spread(there, held), spread([truth.body for truth in seen], held)
    to, peer = "of held-out shapes, Chamfer of 2,048 points", "training set"
    yield Figure(f"text: minimum matching distance {to}", ours.distance, "", None, "lower", peer, training.distance)
    yield Figure(f"text: coverage {to}", ours.coverage, "", None, "higher", peer, training.coverage)


def solid(what: str, bodies: Sequence[Body | None]) -> Iterator[Figure]:
    """Closed 2-manifolds among all that was made: every edge between two faces, wound alike, outward."""
    found = [check_closed(body.vertices, body.faces) for body in bodies if body]
    closed = sum(each.unmatched == 0 and each.volume > 0.0 for each in found)
    yield Figure(f"{what}: closed outward 2-manifolds", closed / len(bodies), "", 1.0, "higher")


def _share(answers: Sequence[bool]) -> float:
    return float(np.mean(answers)) if answers else 0.0
