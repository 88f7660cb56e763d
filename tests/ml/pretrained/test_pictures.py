"""Pictures for models: cut out, squared, and drawn from words where a row has none."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageDraw

from ml.asset import InputError
from ml.generators.pretrained import text_to_image
from ml.generators.pretrained.adapter import Item
from ml.generators.pretrained.pictures import MAX_SIDE, cut_out, on_paper
from ml.generators.pretrained.raw import from_trimesh
from ml.generators.protocol import Refusal
from ml.prompt import parse_prompt

Make = Callable[..., Any]


def photo(size: tuple[int, int], box: tuple[int, int, int, int], back: str = "white") -> np.ndarray:
    image = Image.new("RGBA", size, back)
    ImageDraw.Draw(image).rectangle(box, fill=(200, 40, 40, 255))
    return np.asarray(image)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "box"), [((300, 200), (40, 30, 260, 80)), ((2600, 1500), (200, 100, 2400, 1400))])
def test_the_object_fills_the_middle_of_a_transparent_square(size: Any, box: Any) -> None:
    image = cut_out(photo(size, box))
    assert image.width == image.height <= MAX_SIDE
    left, top, right, bottom = image.getchannel("A").point(lambda a: 255 * (a > 127)).getbbox() or (0, 0, 0, 0)
    assert max(right - left, bottom - top) == pytest.approx(0.85 * image.width, abs=3)
    assert left + right == pytest.approx(image.width, abs=3)
    assert top + bottom == pytest.approx(image.height, abs=3)
    assert on_paper(image, 10).getpixel((0, 0)) == (10, 10, 10)


def test_alpha_is_kept_and_an_empty_picture_is_refused() -> None:
    pixels = photo((100, 100), (20, 20, 60, 60), "#00000000").copy()
    pixels[30:40, 30:40, 3] = 200
    assert np.isin(200, np.asarray(cut_out(pixels).getchannel("A")))
    with pytest.raises(InputError, match=r"object covers"):
        cut_out(np.zeros((64, 64, 4), np.uint8))


def test_rembg_takes_over_where_it_is_asked_for_and_there(monkeypatch: pytest.MonkeyPatch, stand_ins: Any) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 4), np.uint8)
    noise[..., 3] = 255
    with pytest.raises(InputError, match="needs the package rembg"):
        cut_out(noise, "rembg")
    alpha = Image.new("L", (64, 64))
    alpha.paste(255, (16, 16, 48, 48))

    def remove(image: Image.Image) -> Image.Image:
        image = image.convert("RGBA")
        image.putalpha(alpha)
        return image

    stand_ins.module("rembg", remove=remove)
    assert cut_out(noise, "rembg").getchannel("A").getbbox() is not None
    alpha.paste(0, (0, 0, 64, 64))
    with pytest.raises(InputError, match="no object is left"):
        cut_out(noise, "rembg")


class Drawer:
    """A text-to-image pipeline that draws a disc whose red is the seed."""

    prompts: list[dict[str, Any]] = []  # noqa: RUF012

    def __init__(self, *_: Any) -> None:
        self.to = lambda device: self
        self.set_progress_bar_config = lambda disable: None

    def __call__(self, prompt: str, num_inference_steps: int, generator: Any, negative_prompt: str = "") -> Any:
        self.prompts.append({"prompt": prompt, "negative": negative_prompt})
        image = Image.new("RGB", (128, 128), "white")
        ImageDraw.Draw(image).ellipse((30, 30, 100, 100), fill=(generator.initial_seed(), 30, 30))
        return SimpleNamespace(images=[image])


def test_words_become_a_picture_that_the_asset_keeps(
    ready: Make, ask: Make, stand_ins: Any, mesh: trimesh.Trimesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stand_ins.function("AutoPipelineForText2Image.from_pretrained", Drawer())
    stand_ins.module("diffusers", AutoPipelineForText2Image=SimpleNamespace(from_pretrained=made))
    generator = ready("triposg", text_to_image="some/pipeline")
    shown: list[Image.Image] = []

    def make(items: list[Item]) -> list[Any]:
        shown.extend(item.shown() for item in items)
        return [from_trimesh(mesh) for _ in items]

    monkeypatch.setattr(generator, "make", make)
    monkeypatch.setattr(generator, "load", lambda: "warm")
    first, second = generator.generate([ask("a", 120, ("prompt",)), ask("b", 120)])
    (picture,) = first.pictures
    with Image.open(io.BytesIO(picture.data)) as kept:
        np.testing.assert_array_equal(np.asarray(kept), np.asarray(shown[0]))
        assert np.asarray(kept)[kept.height // 2, kept.width // 2, 0] == 120
    assert second.pictures == ()  # it brought its own
    assert "a red chair" in Drawer.prompts[-1]["prompt"]


def test_a_negative_prompt_reaches_the_stage_that_knows_one(stand_ins: Any) -> None:
    made = stand_ins.function("AutoPipelineForText2Image.from_pretrained", Drawer())
    stand_ins.module("diffusers", AutoPipelineForText2Image=SimpleNamespace(from_pretrained=made))
    stage = text_to_image.TextToImage("some/pipeline", 3, "cpu")
    stage.draw(parse_prompt("a chair", "rust, dirt"), 9)
    assert "rust" in Drawer.prompts[-1]["negative"]


def test_without_a_stage_a_prompt_is_refused_with_what_to_write(
    ready: Make, ask: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = ready("triposg")
    monkeypatch.setattr(generator, "load", lambda: "warm")
    refusal, missing = generator.generate([ask(kinds=("prompt",)), ask(kinds=())])
    assert isinstance(refusal, Refusal)
    assert (refusal.code, missing.code) == ("prompt.no-text-to-image", "input.missing")
    assert "[generator.triposg]" in refusal.message
