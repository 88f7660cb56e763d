"""The `shapes` generator: texts, pictures, sketches and views to textured solids by this factory's own shape model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from ml.asset import Asset, InputError
from ml.field_asset import ShapeField, field_asset
from ml.generators.pretrained.shelf import LEARNED, Missing, missing_modules
from ml.generators.procedural import named_category
from ml.generators.protocol import InputKind, Refusal, Request
from ml.parametric.sizes import likely_extent
from ml.prompt import parse_prompt
from ml.shapes.shipped import ABOUT, shipped_digest

if TYPE_CHECKING:
    from ml.shapes.asked import Asked
    from ml.shapes.drawing import Guess
    from ml.shapes.model import ShapeModel

SURE = (
    "least probability of what a picture is taken for; less, or other than words say, is refused; 0 takes every picture"
)
VAGUE = frozenset({"rock"})  # what most pictures of unknown things are taken for, some of them with certainty


@dataclass(frozen=True)
class ShapesOptions:
    """How shapes are drawn from the model and how finely their surface is cut."""

    steps: int = field(default=10, metadata={"min": 1, "max": 100, "help": "evaluations of the flow"})
    guidance: float = field(default=3.0, metadata={"min": 1.0, "max": 20.0, "help": "how hard conditions pull"})
    resolution: int = field(default=256, metadata={"min": 32, "max": 512, "help": "cells along the longest side"})
    sure: float = field(default=0.8, metadata={"min": 0.0, "max": 1.0, "help": SURE})
    model: str = field(
        default="", metadata={"help": "folder of a model that `meshmill train shapes` made", "file": ABOUT}
    )

    def lacks(self) -> list[Missing]:
        """What the model lacks on this machine."""
        return list(missing_modules(("torch",), LEARNED))


@dataclass(frozen=True)
class Wanted:
    """A request that can be met: its conditions and what else decides the asset."""

    asked: Asked
    category: str
    metres: float


class Shapes:
    """Draws what its conditions say; a prompt that names nothing it knows is refused unless there is a picture, and so
    is a picture that it is not `sure` of."""

    name: ClassVar[str] = "shapes"
    version: ClassVar[str] = f"2-{shipped_digest()}"  # other weights make the rows anew
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("prompt", "image", "images", "sketch"))
    gpus: ClassVar[float] = 0.0

    def __init__(self, options: ShapesOptions = ShapesOptions()) -> None:
        self.options = options

    @cached_property
    def model(self) -> ShapeModel:
        """The networks, loaded when the first request comes; raises InputError `weights.*`."""
        from ml.shapes.drawing import ready_model

        return ready_model(self.options.model)

    def generate(self, requests: Sequence[Request]) -> list[Asset | Refusal]:
        """One asset or refusal a request, in order, the same in every batch; raises InputError `image.*`, `images.*`,
        `input.*`, `weights.*`, `model.missing-package`, `field.*`."""
        for missing in self.options.lacks():
            raise InputError(missing.code, missing.text)
        found = [self._named(wanted(request)) for request in requests]
        met = [(each, request) for each, request in zip(found, requests, strict=True) if isinstance(each, Wanted)]
        made = iter(self._fields([each.asked for each, _ in met], [request.seed for _, request in met]))
        return [each if isinstance(each, Refusal) else self._asset(each, next(made)) for each in found]

    def _named(self, wanted: Wanted | Refusal) -> Wanted | Refusal:
        """With the category that its pictures show, where no word says it; refused where that is not sure enough."""
        if isinstance(wanted, Refusal) or not wanted.asked.pictures:
            return wanted
        from ml.shapes.drawing import guessed

        guesses = guessed(self.model, [wanted.asked])
        if not guesses:  # a model of one's own may have no network for it: then the flow alone sees the pictures
            return wanted
        (guess,) = guesses
        if self.options.sure and (doubt := self._doubt(guess, wanted.category)):
            two = (guess.category, guess.runner_up)
            return Refusal("image.unsure", f"it shows a {two[0]} ({guess.probability:.0%}) or a {two[1]}, {doubt}", two)
        if wanted.category:
            return wanted
        return replace(wanted, category=guess.category, metres=likely_extent(guess.category))

    def _doubt(self, guess: Guess, named: str) -> str:
        """What speaks against making the guess, "" for nothing."""
        if named not in ("", guess.category):
            return f"not a {named}"
        vague = guess.category in VAGUE or guess.probability < self.options.sure
        return "and is not sure enough of either" if vague else ""

    def _fields(self, asked: list[Asked], seeds: list[int]) -> list[ShapeField]:
        if not asked:
            return []
        from ml.shapes.decoding import fields
        from ml.shapes.drawing import draw
        from ml.shapes.sampler import SamplerOptions

        options = SamplerOptions(self.options.steps, self.options.guidance)
        return fields(self.model, draw(self.model, asked, seeds, options), asked)

    def _asset(self, wanted: Wanted, made: ShapeField) -> Asset:
        name = wanted.category or "shape"
        asset = field_asset(made, wanted.metres, self.options.resolution, name)
        known = {"category": wanted.category} if wanted.category else {}
        return asset.noted(**known, shape_size=f"{wanted.metres:.3g} m, {'usual' if known else 'no category is known'}")


def wanted(request: Request) -> Wanted | Refusal:
    """What the request asks for; a prompt of no known noun is no condition beside a picture, and refused alone."""
    from ml.shapes.asked import asked_of

    prompt = request.prompt or parse_prompt("")
    category = named_category(prompt, request.category)
    pictured = request.image or request.images or request.sketch
    if isinstance(category, Refusal):
        return category if not pictured else Wanted(asked_of(request, ""), "", likely_extent(""))
    said = [word for word in (request.style, prompt.text if prompt.subject else category) if word]
    metres = likely_extent(category, prompt.attributes)
    return Wanted(asked_of(request, " ".join(said)), category, metres)
