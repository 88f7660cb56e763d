"""The training recipe of the dual encoder: how much data, which network, how long."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ml.alignment.tokens import CONTEXT, vocabulary
from ml.asset import InputError

NAME = "meshmill"  # of the network's configuration: open_clip names a model as its file


@dataclass(frozen=True)
class TrainingRecipe:
    """What `datasets/training/*.toml` holds; the same recipe gives the same weights on the same machine."""

    seed: int = 0
    groups: int = 4800  # of training examples, four assets each
    check_groups: int = 150  # for calibration, from seeds and pairs of words that training does not see
    side: int = 64  # pixels of a picture
    batch: int = 64  # groups of a step; of each asset one view
    steps: int = 1500
    rate: float = 2e-3  # peak learning rate of AdamW, after a twentieth of the steps; a cosine from there to 0
    decay: float = 0.05
    image_width: int = 16  # channels of the convolutional tower's first stage
    text_width: int = 96
    text_layers: int = 2
    features: int = 128

    def model_config(self) -> dict[str, Any]:
        """The network as open_clip describes it."""
        image = {"layers": [1, 1, 1, 1], "width": self.image_width, "head_width": 64, "image_size": self.side}
        text = {"context_length": CONTEXT, "vocab_size": len(vocabulary()), "width": self.text_width}
        text |= {"heads": self.text_width // 32, "layers": self.text_layers}
        return {"embed_dim": self.features, "vision_cfg": image, "text_cfg": text}


def read_recipe(path: Path) -> TrainingRecipe:
    """The recipe of a TOML file; raises InputError `recipe.unreadable` or `recipe.bad-value` naming the key."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("recipe.unreadable", f"{path.name}: {error}") from error
    known: dict[str, type] = {field.name: type(field.default) for field in fields(TrainingRecipe)}
    for key, value in table.items():
        if key not in known:
            raise InputError("recipe.bad-value", f"{path.name}: unknown key {key!r}; known: {', '.join(known)}")
        other = type(value) is not known[key]
        if other or value < 0:
            raise InputError("recipe.bad-value", f"{path.name}: {key} is {value!r}, not a {known[key].__name__} ≥ 0")
    recipe = TrainingRecipe(**table)
    if recipe.side % 32 or recipe.text_width % 32 or not recipe.side or not recipe.text_width:
        raise InputError("recipe.bad-value", f"{path.name}: side and text_width have to be multiples of 32")
    return recipe
