"""Captions of pictures by a vision-language model of transformers: weights of this machine alone, never a download."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ml.asset import U8, InputError

REVISION = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")
PACKAGES = ("torch", "transformers", "PIL")
MARGIN = 8  # tokens a sentence may need beyond the words that are asked for


@dataclass(frozen=True)
class Question:
    """What is asked of each picture, and how long the answer may be."""

    text: str
    tokens: int


QUESTIONS = (
    Question("Name the object in this picture in at most five words.", 8 + MARGIN),
    Question("Describe the object in this picture in one short sentence.", 32 + MARGIN),
    Question(
        "Describe the object in this picture in two or three sentences: its shape, parts, materials and colours.",
        112 + MARGIN,
    ),
)  # short, medium, long


@dataclass(frozen=True)
class Captioner:
    """A warm model with its processor, on the CPU or where `device` says."""

    model: Any
    processor: Any
    batch: int

    def answers(self, pictures: U8, question: Question) -> list[str]:
        """One answer for each of (k, h, w, 3) sRGB pictures, the same words every time: nothing is drawn by chance."""
        found: list[str] = []
        for start in range(0, len(pictures), self.batch):
            found += self._batch(pictures[start : start + self.batch], question)
        return found

    def _batch(self, pictures: U8, question: Question) -> list[str]:
        import torch
        from PIL import Image

        talks = [_talk(Image.fromarray(picture), question.text) for picture in pictures]
        with torch.no_grad():
            inputs = self.processor.apply_chat_template(
                talks, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt",
                processor_kwargs={"padding": True, "padding_side": "left"},
            ).to(self.model.device)  # fmt: skip
            tokens = self.model.generate(**inputs, max_new_tokens=question.tokens, do_sample=False)
        asked = 0 if self.model.config.is_encoder_decoder else inputs["input_ids"].shape[1]
        texts: list[str] = self.processor.batch_decode(tokens[:, asked:], skip_special_tokens=True)
        return [" ".join(text.split()) for text in texts]


def _talk(picture: Any, text: str) -> list[dict[str, Any]]:
    """A user's turn with a picture and a question, as chat templates take it."""
    return [{"role": "user", "content": [{"type": "image", "image": picture}, {"type": "text", "text": text}]}]


def is_pinned(name: str) -> bool:
    """Whether a name of weights says which they are: a folder's path, or OWNER/NAME@COMMIT of the hub."""
    return "@" not in name or REVISION.fullmatch(name) is not None


def weights_folder(name: str) -> Path:
    """Where a model's configuration and safetensors lie: a folder, or OWNER/NAME@COMMIT in the hub's cache.

    Raises InputError `weights.missing`, also for weights in another format, which may hold code.
    """
    folder = Path(name).expanduser()
    if "@" in name:
        folder = _cached(*name.split("@", 1))
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise InputError("weights.missing", f"{name} has no config.json and safetensors on this machine")
    return folder


def _cached(repository: str, revision: str) -> Path:
    """The snapshot of a commit in the hub's cache, which `hf download` fills."""
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(repository, revision=revision, local_files_only=True))
    except Exception as error:  # not installed, not in the cache, or whatever the library raises of either
        raise InputError("weights.missing", f"{repository} at {revision[:12]} is not on this machine") from error


@lru_cache(maxsize=1)
def load_captioner(name: str, batch: int, device: str = "cpu") -> Captioner:
    """The model of a folder or a pinned commit; no code of the repository is ever run.

    Raises InputError `weights.missing`, and `weights.unusable` for a model that transformers cannot talk to.
    """
    need_packages(name, PACKAGES)
    folder = weights_folder(name)
    from transformers import AutoModelForImageTextToText, AutoProcessor

    given: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    load_model: Any = AutoModelForImageTextToText.from_pretrained
    load_processor: Any = AutoProcessor.from_pretrained
    try:
        model = load_model(folder, use_safetensors=True, dtype="auto", **given).to(device).eval()
        processor = load_processor(folder, **given)
    except Exception as error:  # whatever a configuration that does not fit raises
        raise InputError("weights.unusable", f"{name}: {' '.join(str(error).split())[:200]}") from error
    if not getattr(processor, "chat_template", None):
        raise InputError("weights.unusable", f"{name} has no chat template: it cannot be asked questions")
    return Captioner(model, processor, batch)


def need_packages(name: str, packages: Sequence[str]) -> None:
    """Raises InputError `weights.missing` where a model's packages are not installed."""
    if absent := [package for package in packages if importlib.util.find_spec(package) is None]:
        raise InputError("weights.missing", f"{name} needs {' and '.join(absent)}: extra 'learned'")
