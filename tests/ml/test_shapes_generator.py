"""The `shapes` generator meets requests in any batch, refuses what it cannot, and frames pictures as in training."""

from __future__ import annotations

import copy
import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from ml.asset import Asset, InputError
from ml.generators.protocol import Refusal, Request
from ml.generators.shapes import VAGUE, Shapes, ShapesOptions, Wanted, wanted
from ml.parametric.sizes import likely_extent
from ml.prompt import parse_prompt
from ml.shapes.asked import Asked, asked_of, pictures_of, unwanted, view_number
from ml.shapes.drawing import draw, guessed
from ml.shapes.model import ShapeModel, load_model
from ml.shapes.packing import pack
from ml.shapes.picture_guess import PictureGuess
from ml.shapes.pictures import GROUND, framed_photo, framed_sketch
from ml.shapes.recipe import GuessConfig
from ml.shapes.sampler import SamplerOptions
from ml.shapes.shipped import WEIGHTS, digest_of
from ml.sources import Source
from ml.views import find_views
from tasks.topology import topology

pytestmark = pytest.mark.slow  # whole runs, services and trainings: seconds each


@pytest.fixture(scope="module")
def shapes(random_shape_model: Path) -> Shapes:
    return Shapes(ShapesOptions(steps=3, resolution=48, model=str(random_shape_model)))


def asked(text: str, seed: int = 0, **inputs: object) -> Request:
    return Request("row", seed, parse_prompt(text) if text else None, **inputs)  # type: ignore[arg-type]


def png(path: Path, image: Image.Image) -> Source:
    image.save(path)
    return Source(str(path), str(path.parent))


def one(found: list[Asset | Refusal]) -> Asset:
    assert len(found) == 1
    assert isinstance(found[0], Asset)
    return found[0]


def test_an_asset_is_closed_stands_on_the_ground_and_has_its_size(shapes: Shapes) -> None:
    asset = one(shapes.generate([asked("a large red chair")]))
    part = asset.parts[0]
    assert topology(part.vertices, part.faces).closed
    low, high = asset.bounds()
    assert low[1] == pytest.approx(0.0, abs=1e-6)
    assert low[[0, 2]] == pytest.approx(-high[[0, 2]], abs=1e-5)
    assert (high - low).max() == pytest.approx(likely_extent("chair", ["large"]), rel=1e-5)
    assert likely_extent("chair") < likely_extent("chair", ["large"]) <= 1.5
    assert asset.notes["category"] == "chair"
    assert part.material.looks is not None
    np.testing.assert_array_equal(part.material.looks.at(part.vertices[:50]).shape, (50, 8))


def test_a_batch_and_each_of_it_alone_agree(shapes: Shapes, tmp_path: Path) -> None:
    square = png(tmp_path / "square.png", Image.new("RGB", (64, 64), "white"))
    drawn = Image.open(square.uri)
    ImageDraw.Draw(drawn).rectangle((16, 16, 47, 47), fill="red")
    square = png(tmp_path / "square.png", drawn)
    requests = [asked("oak table", 5), asked("a chair without arms", 6, image=square), asked("", 7, image=square)]
    together = shapes.generate(requests)
    for request, whole in zip(requests, together, strict=True):
        alone = one(shapes.generate([request]))
        assert isinstance(whole, Asset)
        volumes = [topology(a.parts[0].vertices, a.parts[0].faces).volume for a in (alone, whole)]
        assert volumes[0] == pytest.approx(volumes[1], rel=1e-3)
        np.testing.assert_allclose(alone.bounds(), whole.bounds(), atol=1e-3)


def test_rows_of_a_batch_are_drawn_as_alone_whatever_is_unwanted(random_shape_model: Path) -> None:
    """A model with a few-step student uses it for rows that refuse nothing, and for no others."""
    model = load_model(random_shape_model)
    student = ShapeModel(model.vae, model.flow)
    student.few, student.few_steps = copy.deepcopy(model.flow), 1
    rows = [Asked(text, away, ()) for text, away in (("a chair", ""), ("a lamp", "red lamp"), ("a mug", ""))]
    together = draw(student, rows, [1, 2, 3])
    for at, row in enumerate(rows):
        torch.testing.assert_close(draw(student, [row], [at + 1])[0], together[at], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(draw(student, rows[:1], [1]), draw(model, rows[:1], [1]), atol=1e-2)
    assert torch.allclose(draw(student, rows[1:2], [2]), draw(model, rows[1:2], [2]))
    options = ShapesOptions()
    assert (options.steps, options.guidance) == (SamplerOptions().steps, SamplerOptions().guidance)


def test_the_seed_and_the_words_decide(shapes: Shapes) -> None:
    first, again, other, blue = (
        one(shapes.generate([request])).parts[0].vertices
        for request in (asked("a chair", 1), asked("a chair", 1), asked("a chair", 2), asked("a blue lamp", 1))
    )
    np.testing.assert_array_equal(first, again)
    for different in (other, blue):
        assert first.shape != different.shape or not np.allclose(first, different, atol=1e-3)


def test_what_is_not_known_is_refused_unless_it_is_shown(shapes: Shapes, tmp_path: Path) -> None:
    codes = [made.code for made in shapes.generate([asked("a flurb"), asked("")]) if isinstance(made, Refusal)]
    assert codes == ["prompt.unknown-noun", "prompt.empty"]
    image = Image.new("RGBA", (50, 50), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((10, 10, 40, 40), fill=(0, 90, 0, 255))
    shown = wanted(asked("a flurb", image=png(tmp_path / "a.png", image)))
    assert isinstance(shown, Wanted)
    assert (shown.asked.text, shown.category, len(shown.asked.pictures)) == ("", "", 1)
    named = wanted(replace(asked(""), category="Lamp", style="victorian"))
    assert isinstance(named, Wanted)
    assert (named.asked.text, named.category) == ("victorian lamp", "lamp")


def test_a_picture_that_it_is_not_sure_of_is_refused(
    random_shape_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(random_shape_model)
    monkeypatch.setattr("ml.shapes.filling.filled", lambda _model, latent, _outlines: latent)  # random fields are slow
    torch.manual_seed(3)
    model.guess = PictureGuess(GuessConfig(8, 8, 32, 2), model.vae.config).eval()
    image = Image.new("RGBA", (50, 50), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((10, 10, 40, 40), fill=(0, 90, 0, 255))
    source = png(tmp_path / "a.png", image)
    (guess,) = guessed(model, [asked_of(asked("", image=source), "")])
    assert guess.category not in {"mug", *VAGUE}
    shown, named, flurb, mug = (asked(text, image=source) for text in ("", f"a {guess.category}", "a flurb", "a mug"))

    def made(sure: float, *requests: Request) -> list[Asset | Refusal]:
        shapes = Shapes(ShapesOptions(steps=3, resolution=48, sure=sure))
        shapes.__dict__["model"] = model
        return shapes.generate(requests)

    def doubts(*answers: Asset | Refusal) -> Iterator[str]:
        for each in answers:
            assert isinstance(each, Refusal)
            assert (each.code, each.hints) == ("image.unsure", (guess.category, guess.runner_up))
            assert all(name in each.message for name in each.hints)
            yield each.message.rpartition(", ")[2]

    unsure = "and is not sure enough of either"
    assert list(doubts(*made(guess.probability + 1e-4, shown, named, flurb, mug))) == [unsure] * 3 + ["not a mug"]
    assert list(doubts(*made(guess.probability - 1e-4, mug))) == ["not a mug"]
    for sure in (0.0, guess.probability - 1e-4):
        for each in made(sure, shown, named, flurb):
            assert isinstance(each, Asset)
            assert each.notes["category"] == guess.category
    assert one(made(0.0, mug)).notes["category"] == "mug"
    monkeypatch.setattr("ml.generators.shapes.VAGUE", {guess.category})
    assert list(doubts(*made(guess.probability - 1e-4, shown))) == [unsure]
    model.guess = None
    assert "category" not in one(made(0.8, shown)).notes


def test_a_model_that_is_not_there_is_an_input_error() -> None:
    with pytest.raises(InputError) as missing:
        Shapes(ShapesOptions(model="/nowhere")).generate([asked("a chair")])
    assert missing.value.code == "weights.missing"


def test_without_torch_the_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml.generators.pretrained.shelf._importable", lambda name: name != "torch")
    with pytest.raises(InputError) as missing:
        Shapes().generate([asked("a chair")])
    assert missing.value.code == "model.missing-package"
    assert "[learned]" in missing.value.message


def test_the_version_follows_the_weights() -> None:
    digest = digest_of((WEIGHTS / f"{name}.safetensors").read_bytes() for name in ("vae", "flow", "parts", "guess"))
    assert Shapes.version == f"2-{digest}"


def test_networks_of_two_trainings_are_no_model(random_shape_model: Path, tmp_path: Path) -> None:
    shutil.copytree(random_shape_model, tmp_path / "mixed")
    other = load_model(random_shape_model).vae.state_dict()
    (tmp_path / "mixed/vae.safetensors").write_bytes(pack({name: 1.5 * value for name, value in other.items()}))
    with pytest.raises(InputError) as mixed:
        load_model(tmp_path / "mixed")
    assert mixed.value.code == "weights.damaged"
    (tmp_path / "mixed/shapes.json").write_text("{")
    with pytest.raises(InputError) as cut:
        load_model(tmp_path / "mixed")
    assert cut.value.code == "weights.damaged"


def test_what_is_refused_becomes_a_prompt_of_its_own() -> None:
    assert unwanted(parse_prompt("a chair, not metal, without arms", "red")) == "metal red chair with arms"
    assert unwanted(parse_prompt("a chair")) == ""
    assert unwanted(None) == ""


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(("size", "at"), [((400, 300), (220, 40)), ((90, 300), (5, 150))])
def test_a_photograph_is_framed_around_its_object(size: tuple[int, int], at: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (250, 250, 250))
    ImageDraw.Draw(image).rectangle((*at, at[0] + 49, at[1] + 99), fill=(200, 20, 20))
    framed = framed_photo(encoded(image)).astype(int)
    red = framed[..., 0] - framed[..., 1] > 90
    rows, columns = (np.flatnonzero(red.any(axis=axis)) for axis in (1, 0))
    assert (len(rows), len(columns)) == pytest.approx((96 / 1.08, 48 / 1.08), abs=2)
    assert (rows[0] + rows[-1], columns[0] + columns[-1]) == pytest.approx((95, 95), abs=2)
    assert (framed[:3, :3] == GROUND).all()


@pytest.mark.parametrize("stroke", [1, 3, 6])
def test_lines_of_a_drawing_are_dark_however_thin(stroke: int) -> None:
    image = Image.new("L", (500, 500), 240)
    ImageDraw.Draw(image).rectangle((100, 100, 400, 400), outline=30, width=stroke)
    framed = framed_sketch(encoded(image)).astype(int)
    line = framed[48, :12, 0]
    assert line.min() <= 90
    assert 0.6 <= (255 - line).sum() / 255 <= 2.6  # about a pixel
    assert (framed[40:56, 40:56] == 255).all()


def test_views_are_numbered_and_named_ones_come_first(tmp_path: Path) -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((5, 5, 35, 35), fill=(9, 9, 200, 255))
    names = ("top", "front", "right", "back", "left")
    sources = tuple(png(tmp_path / f"{name}.png", image) for name in names)
    assert [view_number(view) for view in find_views(sources)] == [0, 1, 2, 3, 4]
    asked_for = asked_of(Request("row", 0, images=sources, sketch=None), "")
    assert [view for _, _, view in asked_for.pictures] == [1, 2, 3, 4]
    shown, kinds, views = pictures_of([asked_for, asked_of(Request("row", 0), "a chair")])
    assert shown.shape == (2, 4, 96, 96, 3)
    assert kinds == [[1] * 4, [0] * 4]
    assert views == [[1, 2, 3, 4], [0] * 4]
