"""Alignment models behind one interface: the shipped dual encoder in numpy, or any model of open_clip."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ml.alignment.calibration import Calibration
from ml.alignment.network import MEAN, SPREAD, Network, build_network, standardised
from ml.alignment.recipe import NAME
from ml.alignment.tensors import read_tensors
from ml.alignment.tokens import tokenize
from ml.asset import F32, U8, InputError
from ml.prompt import parse_prompt
from ml.vocabulary import CATEGORIES, category_of

SHIPPED = NAME
WEIGHTS = Path(__file__).parent / "weights"


class Alignment(Protocol):
    """Features of pictures and of texts in one space, and what their cosine means."""

    @property
    def side(self) -> int:
        """Pixels of the pictures it is trained on."""
        ...

    def images(self, pictures: U8) -> F32:
        """(n, d) unit features of (n, h, w, 3) sRGB pictures."""
        ...

    def texts(self, texts: Sequence[str]) -> F32:
        """(n, d) unit features."""
        ...

    def knows(self, text: str) -> bool:
        """Whether it can judge the text at all."""
        ...

    def score(self, pictures: F32, text: str) -> float:
        """Probability 0–1 that (k, d) features of one asset's pictures belong to the text."""
        ...


def load_alignment(name_or_path: str) -> Alignment:
    """The model of that name.

    `meshmill` is the shipped one; a folder with meshmill.json and model.safetensors is one that `meshmill train
    alignment` made. All else is open_clip's: `NAME@WEIGHTS` with a tag of its list or a .safetensors file, `hf-hub:…`,
    `local-dir:…`. Raises InputError `alignment.missing` in one line that says what to do.
    """
    folder = WEIGHTS if name_or_path == SHIPPED else Path(name_or_path)
    if (folder / "model.safetensors").is_file() or name_or_path == SHIPPED:
        return _load_small(folder)
    return _load_open_clip(name_or_path)


def pooled(features: F32) -> F32:
    """(d,) unit mean of (k, d) features of one asset's pictures."""
    mean = features.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)


@dataclass(frozen=True)
class SmallAlignment:
    """The dual encoder trained on the factory's own renders; it judges prompts that name a category it knows."""

    network: Network
    calibration: Calibration
    side: int

    def images(self, pictures: U8) -> F32:
        """(n, d) unit features of (n, side, side, 3) pictures."""
        return self.network.images(pictures)

    def texts(self, texts: Sequence[str]) -> F32:
        """(n, d) unit features."""
        return self.network.texts(tokenize(texts))

    def knows(self, text: str) -> bool:
        """Whether the text's subject is one of the 48 categories."""
        return bool(category_of(parse_prompt(text).subject))

    def score(self, pictures: F32, text: str) -> float:
        """The calibrated probability of the cosine between the mean picture and the text."""
        return float(self.calibration.probability(pooled(pictures) @ self.texts([text])[0]))


@lru_cache(maxsize=2)
def _load_small(folder: Path) -> SmallAlignment:
    try:
        config = json.loads((folder / f"{NAME}.json").read_text("utf-8"))
        calibration = Calibration(**json.loads((folder / "calibration.json").read_text("utf-8")))
        network = build_network(read_tensors(folder / "model.safetensors"), config)
        return SmallAlignment(network, calibration, config["vision_cfg"]["image_size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("alignment.missing", f"alignment weights in {folder.name} cannot be used: {error}") from error


@dataclass(frozen=True)
class OpenClipAlignment:
    """A model of open_clip on the CPU. Not calibrated: its score is the zero-shot probability of the text against the
    factory's categories, at the temperature it was trained with (Radford et al. 2021, section 3.1)."""

    model: Any
    tokenizer: Any
    others: F32  # (k, d) texts of the categories
    side: int
    mean: Sequence[float]
    spread: Sequence[float]

    def images(self, pictures: U8) -> F32:
        """(n, d) unit features of (n, side, side, 3) pictures."""
        import torch

        with torch.no_grad():
            values = standardised(pictures, self.mean, self.spread).transpose(0, 3, 1, 2)
            tensor = torch.from_numpy(np.ascontiguousarray(values))
            found: F32 = self.model.encode_image(tensor, normalize=True).numpy()
        return found

    def texts(self, texts: Sequence[str]) -> F32:
        """(n, d) unit features."""
        return _encoded(self.model, self.tokenizer, texts)

    def knows(self, text: str) -> bool:
        """Any text with a word in it."""
        return any(letter.isalnum() for letter in text)

    @property
    def scale(self) -> float:
        """What cosines are multiplied by before a softmax: one over the temperature."""
        return float(self.model.logit_scale.detach().exp())

    def score(self, pictures: F32, text: str) -> float:
        """As softmax gives it, the text against the mean over the categories."""
        seen, scale = pooled(pictures), self.scale
        ours, theirs = scale * float(seen @ self.texts([text])[0]), scale * (self.others @ seen).astype(np.float64)
        return float(1.0 / (1.0 + np.exp(np.clip(np.logaddexp.reduce(theirs) - np.log(len(theirs)) - ours, -60, 60))))


@lru_cache(maxsize=1)
def _load_open_clip(name: str) -> OpenClipAlignment:
    missing = [package for package in ("torch", "open_clip") if importlib.util.find_spec(package) is None]
    if missing:
        raise InputError(
            "alignment.missing", f"alignment model {name!r} needs {' and '.join(missing)}: extra 'learned'"
        )
    import open_clip

    model_name, _, weights = name.partition("@")
    register_shipped()
    known = open_clip.list_models()
    if ":" not in model_name and model_name not in known:
        raise InputError("alignment.missing", f"open_clip has no model {model_name!r}; its list has {len(known)}")
    if ":" not in model_name and not weights:
        raise InputError("alignment.missing", f"no weights named for {name!r}: write {name}@TAG or @FILE.safetensors")
    if ("/" in weights or "." in weights) and not (weights.endswith(".safetensors") and Path(weights).is_file()):
        raise InputError("alignment.missing", f"{weights!r} is not a .safetensors file on this machine")
    try:
        model = open_clip.create_model(model_name, pretrained=weights or None, weights_only=True).eval()
        tokenizer = tokenize if model_name == SHIPPED else open_clip.get_tokenizer(model_name)
    except Exception as error:  # whatever open_clip, its hub or the network raise
        raise InputError(
            "alignment.missing", f"open_clip cannot load {name!r}: {' '.join(str(error).split())}"
        ) from error
    settings = open_clip.get_model_preprocess_cfg(model)
    size = settings["size"] if isinstance(settings["size"], int) else settings["size"][0]
    others = _encoded(model, tokenizer, [f"a {category}" for category in dict.fromkeys(CATEGORIES.values())])
    return OpenClipAlignment(model, tokenizer, others, size, settings.get("mean", MEAN), settings.get("std", SPREAD))


def register_shipped() -> None:
    """Let open_clip know the shipped network by the name `meshmill`."""
    import open_clip

    if SHIPPED not in open_clip.list_models():
        open_clip.add_model_config(WEIGHTS / f"{SHIPPED}.json")


def _encoded(model: Any, tokenizer: Any, texts: Sequence[str]) -> F32:
    import torch

    with torch.no_grad():
        found: F32 = model.encode_text(torch.as_tensor(tokenizer(list(texts))), normalize=True).numpy()
    return found
