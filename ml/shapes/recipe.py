"""Sizes of the shape networks and how long each is trained, as `datasets/training/shapes-*.toml` holds them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ml.asset import InputError


@dataclass(frozen=True)
class VaeConfig:
    """The autoencoder: latent tokens on a grid of three planes, decoded to planes of 16 × 16 samples a token."""

    side: int = 8  # tokens along a side of a plane
    channels: int = 24  # of a latent token
    width: int = 256
    heads: int = 4
    encoder_fine: int = 1  # layers over four times the tokens
    encoder_layers: int = 2
    decoder_layers: int = 4
    decoder_fine: int = 2
    geometry: int = 24  # channels of a plane that the distance is read from
    looks: int = 16
    hidden: int = 64  # width of the layers that read a point's features

    @property
    def tokens(self) -> int:
        """Of a shape."""
        return 3 * self.side**2


@dataclass(frozen=True)
class FlowConfig:
    """The transformer that turns noise into latent tokens under a set of condition tokens."""

    width: int = 384
    heads: int = 6
    layers: int = 8
    text_layers: int = 2
    picture_width: int = 256
    picture_layers: int = 4
    patch: int = 8  # pixels


@dataclass(frozen=True)
class GuessConfig:
    """The network that guesses from a picture where the flow begins."""

    channels: int = 32  # of its first layer; its third has three times as many
    squeezed: int = 16  # channels of a place that the layer over all places sees
    width: int = 256
    components: int = 160  # principal axes of the latents that it tells


@dataclass(frozen=True)
class DistilConfig:
    """The student's steps and the guidance it learns; it is sampled in equal Euler steps of exactly this number."""

    steps: int = 0  # 0: no student
    substeps: int = 3  # of the teacher within one step of the student
    guidance: float = 3.0
    start: float = 0.0  # time from which guidance acts
    end: float = 0.8


@dataclass(frozen=True)
class StageConfig:
    """How one network is trained."""

    steps: int = 20_000
    batch: int = 64
    rate: float = 1e-3  # peak learning rate, after `warmup` of the steps; a cosine from there to a hundredth
    warmup: float = 0.03
    decay: float = 0.01
    average: float = 0.999  # of the weights' moving average
    points: int = 2048  # of the surface a step, and half as many on edges
    queries: int = 4096  # signed distances a step


@dataclass(frozen=True)
class ShapeRecipe:
    """Everything that decides the weights besides the machine."""

    seed: int = 0
    examples: int = 40_000
    part_shapes: int = 4000  # that the reader of parts is trained on; 0: none is trained
    vae: VaeConfig = field(default_factory=VaeConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    distil: DistilConfig = field(default_factory=DistilConfig)
    guess: GuessConfig = field(default_factory=GuessConfig)
    vae_stage: StageConfig = field(default_factory=StageConfig)
    flow_stage: StageConfig = field(default_factory=StageConfig)
    distil_stage: StageConfig = field(default_factory=StageConfig)
    guess_stage: StageConfig = field(default_factory=lambda: StageConfig(steps=0))  # 0: pictures are not guessed at


def read_shape_recipe(path: Path) -> ShapeRecipe:
    """The recipe of a TOML file; raises InputError `recipe.unreadable` or `recipe.bad-value` naming the key."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("recipe.unreadable", f"{path.name}: {error}") from error
    recipe: ShapeRecipe = _filled(ShapeRecipe, table, path.name)
    for name, config in (("vae", recipe.vae), ("flow", recipe.flow)):
        if config.width % config.heads or config.width // config.heads % 8:
            raise InputError("recipe.bad-value", f"{path.name}: {name}.width has to be heads × a multiple of 8")
    return recipe


def _filled(kind: type[Any], table: dict[str, Any], where: str) -> Any:
    """The dataclass with the table's values; nested dataclasses are nested tables."""
    known = {each.name: each for each in fields(kind)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise InputError("recipe.bad-value", f"{where}: unknown key {key!r}; known: {', '.join(known)}")
        default = getattr(kind(), key)
        if isinstance(value, dict) and hasattr(default, "__dataclass_fields__"):
            values[key] = _filled(type(default), value, f"{where}: {key}")
        elif type(value) is not type(default) or value < 0:
            raise InputError("recipe.bad-value", f"{where}: {key} is {value!r}, not a {type(default).__name__} ≥ 0")
        else:
            values[key] = value
    return kind(**values)
