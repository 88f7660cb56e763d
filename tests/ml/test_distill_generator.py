"""The distill generator around a folder of a pipeline, and what it answers to rows and folders it cannot use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml.asset import Asset, InputError
from ml.distill import settings
from ml.generators import distill
from ml.generators.distill import Distill, DistillOptions
from ml.generators.protocol import Refusal, Request
from ml.prompt import Prompt, parse_prompt

SHORT = {"steps": 1, "batch_pictures": 1, "side": 16, "finest": 32, "resolution": 32, "device": "cpu"}


def test_a_folder_without_a_pipeline() -> None:
    for folder in ("", "nowhere"):
        with pytest.raises(InputError) as caught:
            Distill(DistillOptions(model=folder, device="cpu")).generate([Request("a", 0)])
        assert caught.value.code == "model.missing-weights"


class Blank:
    """A prior that finds every picture likely."""

    def encode(self, pictures: Any) -> Any:
        return pictures

    def levels(self, times: Any) -> tuple[Any, Any]:
        return (1.0 - times)[:, None, None, None], times[:, None, None, None]

    def noise(self, noisy: Any, times: Any, shots: Any) -> Any:
        return 0.0 * noisy


def test_rows_become_assets_or_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the usual size of what the prompt names, on the ground; words are needed; the seed decides."""
    asked: list[str] = []
    monkeypatch.setattr(distill, "load_pipeline", lambda folder, device: f"{folder} on {device}")

    def blank(pipeline: str, prompt: Prompt, options: DistillOptions) -> tuple[Blank, None]:
        asked.append(prompt.text)
        return Blank(), None

    monkeypatch.setattr(settings, "scores", blank)
    chair = Request("a", 3, prompt=parse_prompt("a wooden chair"))
    made, same, other, empty = Distill(DistillOptions(model="m", **SHORT)).generate(  # type: ignore[arg-type]
        [chair, chair, Request("b", 4, prompt=chair.prompt), Request("c", 3, prompt=parse_prompt("  "))]
    )
    assert isinstance(made, Asset)
    assert isinstance(same, Asset)
    assert isinstance(other, Asset)
    assert isinstance(empty, Refusal)
    assert asked == ["a wooden chair"] * 3
    low, high = made.bounds()
    assert low[1] == pytest.approx(0.0, abs=1e-6)
    assert 0.5 < float((high - low).max()) < 2.0
    assert made.parts[0].vertices.tobytes() == same.parts[0].vertices.tobytes()
    assert made.parts[0].vertices.tobytes() != other.parts[0].vertices.tobytes()
