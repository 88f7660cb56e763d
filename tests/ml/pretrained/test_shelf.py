"""What a model lacks is told before it is loaded: terms, territory, packages, weights, access and memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ml.asset import InputError
from ml.generators.pretrained import shelf
from ml.generators.pretrained.adapter import lacks
from ml.generators.pretrained.card import ModelCard, Weights
from ml.generators.pretrained.listed import PRETRAINED
from ml.generators.pretrained.shelf import MARKER, folder_of, marker_text, missing_memory, missing_weights, pulled

Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes any of them."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=500e9))


def codes(name: str, **options: Any) -> set[str]:
    made, known = PRETRAINED[name]
    return {each.code.removeprefix("model.missing-") for each in lacks(made, known(device="cpu", **options))}


def test_nothing_is_there_at_first(models: Path) -> None:
    assert codes("triposr") >= {"package", "weights"}
    assert codes("stable-fast-3d") == {"licence", "package", "weights", "access"}
    assert codes("hunyuan3d-2.1") == {"licence", "territory", "package", "weights"}


def test_terms_are_accepted_by_name_and_some_hold_nowhere_in_europe(models: Path) -> None:
    accept = ("tencent-hunyuan-3d-2.1-community",)
    assert "licence" not in codes("hunyuan3d-2.1", accept=accept)
    assert "licence" in codes("hunyuan3d-2.1", accept=("tencent-hunyuan-3d-2.0-community",))
    assert "territory" not in codes("hunyuan3d-2.1", accept=accept, territory="us")
    for country in ("DE", "gb", "KR", ""):
        assert "territory" in codes("hunyuan3d-2.1", accept=accept, territory=country)


def test_what_cannot_run_without_nvdiffrast_asks_for_its_terms_alone(models: Path) -> None:
    assert "licence" in codes("trellis2")
    assert "licence" not in codes("trellis2", appearance="vertices")


def test_weights_that_would_not_fit_the_disk(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = PRETRAINED["triposg"][0].card
    for free, codes in ((500e9, ["model.missing-weights"]), (1e9, ["model.missing-weights", "model.missing-disk"])):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        assert [each.code for each in missing_weights(card)] == codes


def test_a_token_answers_for_gated_weights(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_something")
    assert "access" not in codes("stable-fast-3d")


def test_a_download_counts_only_whole(models: Path) -> None:
    weights = Weights("owner/name")
    assert pulled(weights) is None
    folder = folder_of(weights)
    assert folder == models / "owner" / "name"
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"12345")
    (folder / MARKER).write_text(marker_text("abc", {"a.bin": 5}))
    assert (pulled(weights) or {})["revision"] == "abc"
    (folder / "a.bin").write_bytes(b"1234")
    assert pulled(weights) is None
    for broken in ("", "{}", "[]", json.dumps({"files": {"no.bin": 1}})):
        (folder / MARKER).write_text(broken)
        assert pulled(weights) is None


@pytest.mark.parametrize(("memory", "code"), [(None, "gpu"), (7.9, "memory"), (8.0, None)])
def test_memory_is_held_against_the_machine(memory: float | None, code: str | None) -> None:
    card: ModelCard = PRETRAINED["triposg"][0].card
    found = [each.code for each in missing_memory(card, memory)]
    assert found == ([f"model.missing-{code}"] if code else [])
    assert not list(missing_memory(replace(card, on_cpu=True), None))


def test_a_model_that_is_not_there_says_so_when_it_is_asked(models: Path, ask: Make) -> None:
    made, options = PRETRAINED["triposg"]
    with pytest.raises(InputError) as caught:
        made(options(device="cpu")).generate([ask()])
    assert caught.value.code == "model.missing-package"
    assert "VAST-AI/TripoSG (7 GB)" in caught.value.message


def test_what_draws_and_cuts_out_pictures_is_asked_for_where_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "_importable", lambda name: name not in ("rembg", "diffusers"))
    made, known = PRETRAINED["triposr"]

    def told(**options: Any) -> str:
        return " ".join(each.text for each in lacks(made, known(device="cpu", **options)))

    assert "background" not in told()
    assert "rembg (pip install rembg; background = 'rembg')" in told(background="rembg")
    drawn = told(text_to_image="stabilityai/sdxl-turbo")  # of a hub: it comes with the first prompt
    assert "not installed here: diffusers" in drawn
    assert "model_index.json" not in drawn
    assert "is no folder of a pipeline" in told(text_to_image=str(tmp_path))
    (tmp_path / "model_index.json").write_text("{}")
    assert "is no folder of a pipeline" not in told(text_to_image=str(tmp_path))
    elsewhere = told(text_to_image=str(tmp_path), background="rembg", python="/bin/sh")
    assert "background" not in elsewhere  # what another environment holds is not for this one to say
    assert "diffusers" not in elsewhere
