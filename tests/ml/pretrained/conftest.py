"""Stand-ins for the sources of pretrained models: functions that take what the recorded signatures take."""

from __future__ import annotations

import ast
import importlib.machinery
import inspect
import io
import json
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trimesh
from PIL import Image, ImageDraw

import ml.generators.pretrained as package
from ml.generators.pretrained.card import ModelCard
from ml.generators.pretrained.listed import PRETRAINED
from ml.generators.pretrained.shelf import MARKER, folder_of, marker_text
from ml.generators.protocol import Request
from ml.prompt import parse_prompt
from ml.sources import Source

RECORD = json.loads((Path(package.__file__).parent / "signatures.json").read_text())
CALLS = {
    call.partition(":")[2]: text for source in RECORD["sources"].values() for call, text in source["calls"].items()
}


def signature_of(name: str, source: str = "") -> inspect.Signature:
    """The recorded signature of `Class.method`, of one source where several have that name."""
    calls = RECORD["sources"][source]["calls"] if source else {f":{key}": text for key, text in CALLS.items()}
    (text,) = {text for call, text in calls.items() if call.partition(":")[2] == name}
    arguments = ast.parse(f"def f{text}: ...").body[0].args  # type: ignore[attr-defined]
    kind = inspect.Parameter
    first = len(arguments.args) - len(arguments.defaults)
    parameters = [
        kind(each.arg, kind.POSITIONAL_OR_KEYWORD, default=... if at >= first else kind.empty)
        for at, each in enumerate(arguments.args)
    ]
    if arguments.vararg:
        parameters.append(kind(arguments.vararg.arg, kind.VAR_POSITIONAL))
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        parameters.append(kind(each.arg, kind.KEYWORD_ONLY, default=kind.empty if default is None else ...))
    if arguments.kwarg:
        parameters.append(kind(arguments.kwarg.arg, kind.VAR_KEYWORD))
    return inspect.Signature(parameters)


class StandIns:
    """Modules put in place of a model's packages, and what was called in them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def function(self, name: str, answer: Any, source: str = "") -> Callable[..., Any]:
        """Takes only what the source takes; answers `answer`, or what it returns when it is a function."""
        signature = signature_of(name, source)

        def call(*arguments: Any, **named: Any) -> Any:
            given = dict(signature.bind(*arguments, **named).arguments)
            self.calls.append((name, given))
            return answer(**given) if isinstance(answer, types.FunctionType) else answer

        return call

    def module(self, name: str, **content: Any) -> None:
        """An importable module, its parents with it."""
        parent = None
        for end in range(1, name.count(".") + 2):
            path = ".".join(name.split(".")[:end])
            if path not in sys.modules:
                made = types.ModuleType(path)
                made.__spec__ = importlib.machinery.ModuleSpec(path, None, is_package=True)
                made.__path__ = []
                self.patch.setitem(sys.modules, path, made)
                if parent:
                    self.patch.setattr(parent, path.rpartition(".")[2], made, raising=False)
            parent = sys.modules[path]
        for key, value in content.items():
            self.patch.setattr(parent, key, value, raising=False)

    def given(self, name: str) -> dict[str, Any]:
        """What the last call of that name was given."""
        return next(given for called, given in reversed(self.calls) if called == name)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> StandIns:
    return StandIns(monkeypatch)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for weights, and no token for gated ones."""
    monkeypatch.setenv("MESHMILL_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    return tmp_path / "models"


def pull(card: ModelCard, revision: str = "0123456789abcdef") -> None:
    """Weights as a whole download leaves them."""
    for weights in card.weights:
        folder_of(weights).mkdir(parents=True, exist_ok=True)
        (folder_of(weights) / "weights.bin").write_bytes(b"1234")
        (folder_of(weights) / MARKER).write_text(marker_text(revision, {"weights.bin": 4}))


@pytest.fixture
def ready(models: Path, stand_ins: StandIns) -> Callable[..., Any]:
    """A generator by name whose weights are pulled and whose terms are accepted, on the CPU."""

    def make(name: str, **options: Any) -> Any:
        made, known = PRETRAINED[name]
        pull(made.card)
        for module in made.card.packages:
            if module not in ("torch", "trimesh", "diffusers", "transformers"):
                stand_ins.module(module)
        accepted = tuple(licence.name for licence in made.card.licences)
        return made(replace(known(device="cpu", accept=accepted, territory="US"), **options))

    return make


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Request]:
    """A request with a picture of a red disc on white, a prompt, a sketch of a circle, or several views."""

    def file(name: str, draw: Callable[[ImageDraw.ImageDraw], None]) -> Source:
        image = Image.new("RGB", (96, 96), "white")
        draw(ImageDraw.Draw(image))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        (tmp_path / name).write_bytes(buffer.getvalue())
        return Source(str(tmp_path / name), str(tmp_path))

    def request(id: str = "a", seed: int = 5, kinds: tuple[str, ...] = ("image",)) -> Request:
        disc = file("disc.png", lambda pen: pen.ellipse((20, 20, 70, 70), fill=(200, 30, 30)))
        circle = file("circle.png", lambda pen: pen.ellipse((20, 20, 70, 70), outline="black", width=3))
        return Request(
            id,
            seed,
            prompt=parse_prompt("a red chair") if "prompt" in kinds else None,
            image=disc if "image" in kinds else None,
            images=(disc, disc, disc) if "images" in kinds else (),
            sketch=circle if "sketch" in kinds else None,
        )

    return request


@pytest.fixture
def mesh() -> trimesh.Trimesh:
    """A closed pyramid that points to +X and stands on z = 0, so that its axes are told apart: 2 × 0.5 × 1."""
    corners = [[-1, -0.25, 0], [-1, 0.25, 0], [-1, 0.25, 1], [-1, -0.25, 1], [1, 0, 0.5]]
    faces = [[0, 2, 1], [0, 3, 2], [0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]
    return trimesh.Trimesh(corners, faces, process=False)
