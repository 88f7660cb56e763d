"""The shipped weights and the code that reads them fit: true shapes come back, and words become what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml.asset import InputError
from ml.field_asset import ShapeField
from ml.shapes.asked import Asked
from ml.shapes.decoding import fields
from ml.shapes.drawing import draw, guessed, ready_model
from ml.shapes.encoding import encoded
from ml.shapes.filling import filled
from ml.shapes.outlines import outline_of, overlap
from ml.shapes.proportions import fitted, places_of
from ml.shapes.transformer import split_latent
from ml.substances import COLORS
from tasks.shape_categories import load_judge
from tasks.shape_claims import color_errors
from tasks.shape_figures import match, volume_iou
from tasks.shape_makers import body_of
from tasks.shape_picture_evaluation import by_picture, by_sketch, by_views
from tasks.shape_truths import truth_of_prompt

pytestmark = pytest.mark.slow  # 16 CPU-s: all networks, seven shapes


def test_a_true_chair_comes_back() -> None:
    """Measured: 0.919 by the encoder alone, then 0.940, 0.962, 27.3 dB. No mirror image of it would do."""
    truth = truth_of_prompt("a red chair with oak legs", 3)
    assert truth is not None
    model = ready_model()
    (alone,), (field,) = (fields(model, encoded(model, truth.example, *steps)) for steps in ([0], []))
    rough, made = body_of(alone, 64), body_of(field, 64)
    assert rough is not None
    assert made is not None
    found = match(truth.body, made)
    assert found.iou > 0.93
    assert found.iou > match(truth.body, rough).iou + 0.01
    assert encoded(model, truth.example, 2).equal(encoded(model, truth.example, 2)), "the same again"
    assert not any(each.grad is not None for each in model.vae.parameters()), "the networks are left alone"
    assert found.normals > 0.93
    assert found.albedo_psnr > 22.0


def test_words_become_what_they_say() -> None:
    model, judge = ready_model(), load_judge()
    said = [("red", "chair"), ("blue", "vase")]
    drawn = draw(model, [Asked(f"a {color} {category}", "", ()) for color, category in said], [0, 1])
    for (color, category), field in zip(said, fields(model, drawn), strict=True):
        made = body_of(field, 48)
        assert made is not None
        assert judge.category(made) == category
        errors = {name: float(np.median(color_errors(made.looks, [COLORS[name]]))) for name in ("red", "blue", "green")}
        assert min(errors, key=errors.__getitem__) == color


def test_a_picture_and_a_sketch_become_what_they_show() -> None:
    """Measured: 0.93 and 0.76."""
    model = ready_model()
    for prompt, shown in (("a blue sofa", by_picture), ("an oak barrel", by_sketch)):
        truth = truth_of_prompt(prompt, 3)
        assert truth is not None
        asked = [shown(truth.example)]
        assert [guess.category for guess in guessed(model, asked)] == [truth.category]
        (field,) = fields(model, draw(model, asked, [0]), asked)
        made = body_of(field, 48)
        assert made is not None
        assert volume_iou(truth.body, made, 20_000) > 0.65


def test_four_views_give_a_shape_its_proportions() -> None:
    """Measured: 1, 0.63, 0.37 where 1, 0.62, 0.36 is true and 0.94, 1, 0.53 was the guess."""
    truth = truth_of_prompt("a low wide oak cabinet", 5)
    assert truth is not None
    model, asked = ready_model(), by_views(truth.example)
    _, drawn = split_latent(draw(model, [asked], [0]))
    assert drawn[0].numpy() == pytest.approx(truth.body.extents, abs=0.04)


def test_what_a_picture_shows_is_filled_again() -> None:
    """Measured: a chair's latent half forgotten fills its outline to 0.64 in the best proportions, then to 0.74."""
    truth = truth_of_prompt("a red chair with oak legs", 3)
    assert truth is not None
    model, shown = ready_model(), [outline_of(*each) for each in by_picture(truth.example).pictures]
    true = encoded(model, truth.example, 0)[0]
    noise = torch.randn(true.shape, generator=torch.Generator().manual_seed(1))
    noise = torch.cat([2.0 * noise[:-1], 0.0 * noise[-1:]])
    (before,) = fields(model, (true + noise)[None])
    fit = fitted(places_of(before), before.extents, shown, 400)
    made = filled(model, true + noise, shown)
    (after,) = fields(model, made[None])
    _, extents = split_latent(made[None])
    assert extents[0].numpy() == pytest.approx(fit.extents, abs=1e-5)
    ((way,), (outline,)) = fit.directions, shown
    was, now = (overlap(places_of(each), fit.extents, *way, outline) for each in (before, after))
    assert now > was + 0.05
    assert made.equal(filled(model, true + noise, shown)), "the same again"
    assert not any(each.grad is not None for each in model.vae.parameters()), "the networks are left alone"


@pytest.mark.parametrize("lost", [0, 1])
def test_a_shape_without_a_surface_or_that_loses_it_is_left(lost: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = list[object]()

    def nothing(field: ShapeField, *cells: int) -> object:
        found.append(field)
        if len(found) > lost:
            raise InputError("field.empty", "nothing there")
        return places_of(field, *cells)

    monkeypatch.setattr("ml.shapes.filling.places_of", nothing)
    model, truth = ready_model(), truth_of_prompt("an oak barrel", 3)
    assert truth is not None
    (latent,) = encoded(model, truth.example, 0)
    made = filled(model, latent, [outline_of(*each) for each in by_picture(truth.example).pictures])
    assert made[:-1].equal(latent[:-1])
    assert made.equal(latent) == (lost == 0)
