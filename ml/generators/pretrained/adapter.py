"""What all adapters share: options, the picture of a request, batches, and how an answer becomes an asset."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from ml.asset import Asset, InputError, Texture, decode_image
from ml.generators.pretrained.batches import Batches
from ml.generators.pretrained.card import Licence, ModelCard
from ml.generators.pretrained.pictures import Background, cut_out, png, read_drawing
from ml.generators.pretrained.raw import RawMesh, to_asset
from ml.generators.pretrained.shelf import (
    LEARNED,
    Missing,
    accelerator_gb,
    folder_of,
    missing_licence,
    missing_memory,
    missing_modules,
    missing_packages,
    missing_program,
    missing_weights,
    pulled,
)
from ml.generators.pretrained.text_to_image import TextToImage
from ml.generators.protocol import IMAGE, IN_ACTOR, Answer, InputKind, Refusal, Request

HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
INDEX = "model_index.json"  # what a folder of a diffusers pipeline is told by
DRAWS = ("torch", "diffusers", "transformers")  # what a text-to-image pipeline needs


@dataclass(frozen=True)
class PretrainedOptions:
    """What every adapter can be told; each adds its model's own."""

    digest_when_set: ClassVar[bool] = True  # a list of models that grows must not change the keys of other rows

    device: str = field(default="auto", metadata={"help": "auto, cuda, cuda:N or cpu"})
    python: str = field(default="", metadata={"help": "interpreter of an environment of the model's own"})
    in_actor: bool = field(default=False, metadata={"help": IN_ACTOR})
    image: str = field(default="", metadata={"help": IMAGE})
    accept: tuple[str, ...] = field(default=(), metadata={"help": "licences with limits, accepted by name"})
    territory: str = field(default="", metadata={"help": "ISO 3166-1 code of the country the work is done in"})
    batch: int = field(default=0, metadata={"min": 0, "max": 256, "help": "requests a call; 0 for the model's own"})
    background: Background = "plain"
    text_to_image: str = field(default="", metadata={"help": "diffusers pipeline that draws what a prompt says"})
    text_to_image_steps: int = field(default=30, metadata={"min": 1, "max": 200})


@dataclass(frozen=True)
class Item:
    """A request made ready for a model: what is there of text, picture and drawing."""

    request: Request
    text: str = ""
    picture: Image.Image | None = None  # RGBA, square, the object cut out
    drawing: Image.Image | None = None  # RGB, lines on white
    drawn: bytes | None = None  # PNG of a picture that was made from words, for the ledger

    def shown(self) -> Image.Image:
        """The picture; raises InputError `input.missing` for a request that was let through without one."""
        if self.picture is None:
            raise InputError("input.missing", "this model needs a picture")
        return self.picture


class Pretrained:
    """A generator around a pretrained model. Nothing is loaded before the first request; then the model stays warm.

    An adapter sets `card` and `name`, and writes `load` and `make`; one that reads words or lines also `item`.
    """

    card: ClassVar[ModelCard]
    name: ClassVar[str]
    version: ClassVar[str] = "1"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("image", "prompt"))
    gpus: ClassVar[float] = 1.0

    def __init__(self, options: Any) -> None:
        self.options = options
        self.batches = Batches(min(options.batch or self.card.batch, self.card.batch))

    @classmethod
    def licences(cls, options: Any) -> tuple[Licence, ...]:
        """The terms that hold with these options."""
        return cls.card.licences

    @classmethod
    def bound_card(cls, options: Any) -> ModelCard:
        """The card with what these options need."""
        return replace(cls.card, licences=cls.licences(options))

    def load(self) -> Any:
        """The model on `self.device`, from the folders it was pulled to."""
        raise NotImplementedError

    def make(self, items: Sequence[Item]) -> Sequence[RawMesh | None]:
        """One mesh an item, None for one that came to nothing; at most `card.batch` items at once."""
        raise NotImplementedError

    def item(self, request: Request) -> Item | Refusal:
        """The request with its picture, drawn from its words where it has none; raises InputError `image.*`."""
        if request.image is not None:
            pixels = decode_image(request.image.read())
            return Item(request, _words(request), cut_out(pixels, self.options.background))
        if request.prompt is None:
            return Refusal("input.missing", f"{self.name} needs a picture, or a prompt and text_to_image")
        if not self.options.text_to_image:
            text = f"{self.name} takes pictures; name a text_to_image pipeline under [generator.{self.name}]"
            return Refusal("prompt.no-text-to-image", text)
        image = self.drawer.draw(request.prompt, request.seed)
        picture = cut_out(_pixels(image), self.options.background)
        return Item(request, _words(request), picture, drawn=png(picture))

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer a request; raises InputError `model.missing-…` for a model that cannot run here."""
        assert self.model is not None
        items = [self._prepared(request) for request in requests]
        made = iter(self.batches.run([item for item in items if isinstance(item, Item)], self._make))
        return [next(made) if isinstance(item, Item) else item for item in items]

    def _prepared(self, request: Request) -> Item | Refusal | InputError:
        try:
            return self.item(request)
        except InputError as error:  # this request's alone: its neighbours go on
            return error

    def _make(self, items: Sequence[Item]) -> list[Asset | InputError]:
        meshes = self.make(items)
        if len(meshes) != len(items):
            raise RuntimeError(f"{self.card.title} answered {len(items)} requests with {len(meshes)} meshes")
        return [self._finished(item, mesh) for item, mesh in zip(items, meshes, strict=True)]

    def _finished(self, item: Item, mesh: RawMesh | None) -> Asset | InputError:
        asset = to_asset(mesh, item.request.id, self.card.up, self.card.front)
        if isinstance(asset, InputError):
            return asset
        pictures = (Texture(item.drawn, name="drawn"),) if item.drawn else ()
        return replace(asset, pictures=pictures).noted(**self.notes)

    @cached_property
    def notes(self) -> dict[str, str]:
        """What the ledger says of the model: its title, weights and limits of use."""
        weights = [f"{w.repository}@{mark['revision'][:12]}" for w in self.card.weights if (mark := pulled(w))]
        limits = "; ".join(licence.limits for licence in self.licences(self.options) if licence.limits)
        return {"model": self.card.title, **({"weights": ", ".join(weights)} if weights else {})} | (
            {"model_limits": limits} if limits else {}
        )

    @cached_property
    def model(self) -> Any:
        """The loaded model; raises InputError with the first code of what is missing, all of it in words."""
        lacking = lacks(type(self), self.options)
        if lacking:
            raise InputError(lacking[0].code, "; ".join(each.text for each in lacking))
        return self.load()

    @cached_property
    def drawer(self) -> TextToImage:
        """The text-to-image pipeline, warm."""
        return TextToImage(self.options.text_to_image, self.options.text_to_image_steps, self.device)

    @cached_property
    def memory(self) -> float | None:
        """GB of the accelerator, None for none or where it is not to be used."""
        return None if self.options.device == "cpu" else accelerator_gb()

    @property
    def device(self) -> str:
        """Where the model is put."""
        if self.options.device != "auto":
            return str(self.options.device)
        return "cpu" if self.memory is None else "cuda"

    def weights_folder(self, repository: str = "") -> Path:
        """Where the first repository of the card, or the named one, was pulled to."""
        return folder_of(repository or self.card.weights[0].repository)


def lacks(made: type[Pretrained], options: Any) -> list[Missing]:
    """What a model lacks on this machine with these options; whoever says "cpu" is willing to wait."""
    card = made.bound_card(options)
    return [
        *missing_licence(card, options.accept, options.territory),
        *missing_environment(card, options),
        *missing_beside(card, options),
        *missing_weights(card),
        *(() if options.device == "cpu" else missing_memory(card, accelerator_gb())),
    ]


def missing_environment(card: ModelCard, options: PretrainedOptions) -> Iterator[Missing]:
    """Packages that are not here, or an interpreter to find them with; what an image holds only its node can say."""
    if options.image:
        return iter(())
    return missing_program(options.python) if options.python else missing_packages(card)


def missing_beside(card: ModelCard, options: PretrainedOptions) -> Iterator[Missing]:
    """What cutting out and drawing pictures want beside the model, as far as this process can tell: packages of another
    environment only that can find, and a pipeline that is named by its place in a hub comes with the first prompt."""
    drawer = options.text_to_image
    if drawer and not is_hub_name(drawer) and not (Path(drawer) / INDEX).is_file():
        yield Missing("model.missing-weights", f"text_to_image = {drawer!r} is no folder of a pipeline ({INDEX})")
    if options.python or options.image:
        return
    if options.background == "rembg":
        yield from missing_modules(("rembg",), "pip install rembg; background = 'rembg'")
    if drawer:
        yield from missing_modules(sorted(set(DRAWS) - set(card.packages)), f"{LEARNED}; text_to_image")


def is_hub_name(name: str) -> bool:
    """Whether a name can be OWNER/NAME of a hub: no folder of this machine is called so."""
    return HUB_NAME.fullmatch(name) is not None and not Path(name).exists()


def sketch_item(request: Request) -> Item | Refusal:
    """A request with a drawing, for the models that read lines."""
    if request.sketch is None:
        return Refusal("input.missing", "this model needs a sketch")
    return Item(request, _words(request), drawing=read_drawing(request.sketch))


def _words(request: Request) -> str:
    return request.prompt.text if request.prompt else ""


def _pixels(image: Image.Image) -> Any:
    import numpy as np

    return np.asarray(image)
