"""The guess at pictures: latents along their axes and back, what it learns, and how a shape begins with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml.alignment.tokens import vocabulary
from ml.shapes.asked import Asked
from ml.shapes.drawing import LOOKS, SHOWN, TOLD, draw, guessed
from ml.shapes.example import PICTURE, SIDE, SKETCH
from ml.shapes.model import ShapeModel
from ml.shapes.picture_guess import BRIGHTER, MOVED, TINTED, PictureGuess, guess_loss, jittered
from ml.shapes.recipe import FlowConfig, GuessConfig, VaeConfig
from ml.shapes.sampler import SamplerOptions
from ml.shapes.transformer import ShapeFlow
from ml.shapes.vae import ShapeVae

VAE = VaeConfig(side=2, channels=8, width=32, heads=2, geometry=8, looks=8, hidden=16)
FLOW = FlowConfig(32, 2, 1, 1, 32, 1, 32)
DARK, BRIGHT = (np.full((SIDE, SIDE, 3), value, np.uint8) for value in (20, 230))
SHAPE = (VAE.tokens + 1, VAE.channels)


def learnt(steps: int = 60) -> tuple[PictureGuess, torch.Tensor]:
    """A guess that saw dark pictures of chairs and bright ones of mugs; the two latents it was told."""
    torch.manual_seed(0)
    guess = PictureGuess(GuessConfig(8, 8, 32, 2), VAE)
    latents = torch.randn(2, *SHAPE)
    guess.learn_axes(latents)
    tokens = torch.tensor([[[1, vocabulary()["chair"]]], [[1, vocabulary()["mug"]]]])
    pictures = torch.tensor(np.stack([DARK, BRIGHT])[:, None] / 255.0, dtype=torch.float32)
    kinds, views = torch.full((2, 1), PICTURE), torch.zeros((2, 1), dtype=torch.int64)
    optimiser = torch.optim.Adam(guess.parameters(), 3e-3)
    for _ in range(steps):
        loss, _ = guess_loss(guess, (pictures, kinds, views), tokens, guess.parts_of(latents))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return guess.eval(), latents


@pytest.fixture(scope="module")
def model() -> ShapeModel:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    made = ShapeModel(ShapeVae(VAE), ShapeFlow(FLOW, VAE))
    torch.nn.init.normal_(made.flow.out.weight, std=0.3)  # a new flow answers 0 to whatever is asked
    made.flow.middle.normal_()
    made.flow.spread.uniform_(0.5, 2.0)
    made.guess, _ = learnt()
    return made


def seen(picture: np.ndarray, kind: int = PICTURE, text: str = "") -> Asked:
    return Asked(text, "", ((picture, kind, 0),))


def test_latents_in_the_span_of_the_axes_come_back() -> None:
    torch.manual_seed(2)
    guess = PictureGuess(GuessConfig(8, 8, 16, 3), VAE)
    latents = torch.randn(40, 3) @ torch.randn(3, SHAPE[0] * SHAPE[1]) + 1.0
    latents = latents.reshape(-1, *SHAPE)
    assert guess.learn_axes(latents) == pytest.approx(1.0, abs=1e-4)
    parts = guess.parts_of(latents)
    assert torch.allclose(guess.latent(parts), latents, atol=1e-3)
    assert torch.allclose(parts.square().mean(dim=0), torch.ones(3), atol=1e-2)


def test_jitter_moves_pictures_and_changes_the_light_of_all_but_sketches() -> None:
    torch.manual_seed(0)
    gray = torch.full((2, 2, SIDE, SIDE, 3), 0.5)
    gray[:, :, SIDE // 2, SIDE // 2] = 0.0
    kinds = torch.tensor([[PICTURE, SKETCH], [SKETCH, PICTURE]])
    places, lights = set(), set()
    for _ in range(40):
        made = jittered(gray, kinds)
        for row, slot in ((0, 1), (1, 0)):
            ((down, across),) = (made[row, slot, :, :, 0] == 0.0).nonzero().tolist()
            places.add((down - SIDE // 2, across - SIDE // 2))
            assert set(made[row, slot].unique().tolist()) == {0.0, 0.5}
        for picture in (made[0, 0], made[1, 1]):
            light = picture[0, 0]
            assert (light - 0.5).abs().max() <= 0.5 * BRIGHTER + TINTED
            assert (picture.flatten(0, 1) == light).all(dim=1).sum() == SIDE**2 - 1
            lights.add(tuple(light.tolist()))
    assert {abs(step) for place in places for step in place} == set(range(MOVED + 1))
    assert len(places) > 2 * MOVED + 1  # down and across apart
    assert len(lights) == 80
    assert all(len(set(light)) == 3 for light in lights)  # tinted


def test_it_tells_what_it_was_shown(model: ShapeModel) -> None:
    _, latents = learnt(1)
    dark, bright = guessed(model, [seen(DARK), seen(BRIGHT)])
    assert (dark.category, bright.category) == ("chair", "mug")
    for guess, latent in zip((dark, bright), latents, strict=True):
        apart = (model.flow.standardise(guess.latent) - latent).square().mean()
        assert float(apart) < 0.1 * float((latents[0] - latents[1]).square().mean())


def test_it_says_how_sure_it_is_and_what_else_it_might_be(model: ShapeModel) -> None:
    dark, bright = guessed(model, [seen(DARK), seen(BRIGHT)])
    for guess in (dark, bright):
        assert 0.3 < guess.probability <= 1.0
        assert guess.runner_up not in ("", guess.category)
    (both,) = guessed(model, [Asked("", "", ((DARK, PICTURE, 0), (BRIGHT, PICTURE, 0)))])
    assert {both.category, both.runner_up} == {"chair", "mug"}
    assert both.probability < min(dark.probability, bright.probability)


def test_a_sketch_is_told_from_a_picture_and_views_are_averaged(model: ShapeModel) -> None:
    as_picture, as_sketch = guessed(model, [seen(BRIGHT), seen(BRIGHT, SKETCH)])
    assert not torch.equal(as_picture.latent, as_sketch.latent)
    alone = [guessed(model, [seen(each)])[0].latent for each in (DARK, BRIGHT)]
    both = guessed(model, [Asked("", "", ((DARK, PICTURE, 0), (BRIGHT, PICTURE, 0)))])[0].latent
    assert torch.allclose(both, (alone[0] + alone[1]) / 2.0, atol=1e-4)


def test_a_shape_begins_with_its_guess_and_texts_do_not(model: ShapeModel) -> None:
    asked = [
        seen(DARK),
        Asked("a mug", "", ()),
        seen(BRIGHT, text="a red mug"),
        replace(seen(DARK), unwanted="wood", text="chair"),
    ]
    seeds = [1, 2, 3, 4]
    together = draw(model, asked, seeds)
    for row, (each, seed) in enumerate(zip(asked, seeds, strict=True)):
        assert torch.allclose(draw(model, [each], [seed])[0], together[row], atol=1e-4)
    first = guessed(model, [asked[0]])[0]
    named = [replace(asked[0], text=first.category)]
    assert torch.allclose(draw(model, named, [1])[0], together[0], atol=1e-4)
    guess, model.guess = model.guess, None
    try:
        assert torch.allclose(draw(model, [asked[1]], [2])[0], together[1], atol=1e-4)
        assert not torch.allclose(draw(model, [asked[0]], [1])[0], together[0], atol=1e-2)
        noised, guidance = SHOWN
        one = SamplerOptions(steps=1, guidance=guidance)
        start = first.latent[None]
        looks = [draw(model, named, [LOOKS + k], one, start, noised) for k in range(LOOKS)]
        assert torch.allclose(torch.stack(looks).mean(dim=0)[0], together[0], atol=1e-4)
    finally:
        model.guess = guess


def test_more_pictures_are_noised_less_and_what_is_unwanted_leads_away(model: ShapeModel) -> None:
    two = Asked("a red mug", "", ((DARK, PICTURE, 0), (BRIGHT, PICTURE, 0)))
    (guess,) = guessed(model, [two])
    noised, guidance = TOLD
    one = SamplerOptions(steps=1, guidance=guidance)
    looks = [draw(model, [two], [LOOKS * 5 + k], one, guess.latent[None], noised / 2**0.5) for k in range(LOOKS)]
    made = draw(model, [two], [5])
    assert torch.allclose(torch.stack(looks).mean(dim=0), made, atol=1e-4)
    assert not torch.allclose(draw(model, [replace(two, unwanted="wood")], [5]), made, atol=1e-3)
