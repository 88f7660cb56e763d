"""What a folder of a pipeline lacks is told without loading it: missing, wrong kind, terms, files, memory."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml.distill import folder
from ml.distill.folder import lacks_pipeline, licence_of, parameter_gb
from ml.distill.settings import MODEL, DistillSettings

INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "safety_checker": [None, None],
}


def tensors(path: Path, parameters: int, kind: str = "F32") -> None:
    """A safetensors file with a header and no values."""
    header = json.dumps({"__metadata__": {}, "a": {"dtype": kind, "shape": [2, parameters // 2], "data_offsets": []}})
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode())


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "accelerator_gb", lambda: 24.0)


@pytest.fixture
def whole(tmp_path: Path) -> DistillSettings:
    """A complete folder of 2 · 10⁹ parameters under a free licence."""
    (tmp_path / MODEL).write_text(json.dumps(INDEX))
    (tmp_path / "README.md").write_text("---\ntags:\n- x\nlicense: Apache-2.0\n---\nwords\n")
    for name in ("scheduler", "tokenizer", "text_encoder", "unet", "vae"):
        (tmp_path / name).mkdir()
    for name in ("text_encoder", "unet", "vae"):
        (tmp_path / name / "config.json").write_text("{}")
        tensors(tmp_path / name / "model.safetensors", 500_000_000)
    tensors(tmp_path / "unet" / "model.fp16.safetensors", 500_000_000, "F16")
    (tmp_path / "unet" / "model.safetensors").unlink()
    for part in (1, 2):
        tensors(tmp_path / "unet" / f"model-0000{part}-of-00002.safetensors", 500_000_000)
    return DistillSettings(model=str(tmp_path))


def codes(options: DistillSettings) -> list[str]:
    return [each.code for each in lacks_pipeline(options)]


def test_nothing_is_missing_of_a_whole_folder(whole: DistillSettings) -> None:
    assert lacks_pipeline(whole) == []
    assert parameter_gb(Path(whole.model)) == pytest.approx(4.0)  # one precision of each component, all its shards
    assert licence_of(Path(whole.model)) == "apache-2.0"


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_folder_without_an_index(whole: DistillSettings, text: str | None) -> None:
    place = Path(whole.model) / MODEL
    place.write_text(text) if text else place.unlink()
    assert codes(whole) == ["model.missing-weights"]
    assert codes(DistillSettings()) == ["model.missing-weights"]


@pytest.mark.parametrize(
    "changes",
    [
        {"unet": [None, None]},
        {"scheduler": None},
        {"text_encoder": None, "tokenizer": None},
        {"unet": None, "transformer": ["diffusers", "FluxTransformer2DModel"]},
        {"unet": ["diffusers", "UNet3DConditionModel"]},
    ],
)
def test_a_pipeline_of_the_wrong_kind(whole: DistillSettings, changes: dict[str, Any]) -> None:
    (Path(whole.model) / MODEL).write_text(json.dumps({**INDEX, **changes}))
    assert codes(whole) == ["distill.unsupported-pipeline"]


def test_terms_are_accepted_by_name(whole: DistillSettings) -> None:
    card = Path(whole.model) / "README.md"
    card.write_text("---\nlicense: openrail++\n---\n")
    (missing,) = lacks_pipeline(whole)
    assert missing.code == "model.missing-licence"
    assert "openrail++" in missing.text
    assert codes(replace(whole, accept=("openrail++",))) == []
    card.write_text("license: mit\n")  # not in the front matter
    assert codes(replace(whole, accept=("mit",))) == ["model.missing-licence"]
    card.unlink()
    assert codes(replace(whole, accept=("unknown",))) == []


def test_files_that_are_not_there(whole: DistillSettings) -> None:
    place = Path(whole.model)
    (place / "vae" / "model.safetensors").unlink()
    (place / "tokenizer").rmdir()
    (missing,) = lacks_pipeline(whole)
    assert missing.code == "model.missing-weights"
    assert "tokenizer, weights of vae" in missing.text


def test_memory_and_packages(whole: DistillSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "accelerator_gb", lambda: 3.0)
    (missing,) = lacks_pipeline(whole)
    assert missing.code == "model.missing-memory"
    assert "4.0 GB" in missing.text
    monkeypatch.setattr(folder, "accelerator_gb", lambda: None)
    assert codes(whole) == ["model.missing-gpu"]
    assert codes(replace(whole, device="cpu")) == []
    monkeypatch.setattr(folder, "PACKAGES", ("no_such_module",))
    assert codes(replace(whole, device="cpu")) == ["model.missing-package"]


def test_a_damaged_header_counts_by_its_size(whole: DistillSettings) -> None:
    (Path(whole.model) / "vae" / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"x" * 1992)
    assert parameter_gb(Path(whole.model)) == pytest.approx(3.0 + 1e-6)
