"""A pretrained model in an interpreter of its own: the whole way through files, with a stand-in for its package."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from flows.placement import make_generator
from ml.asset import Asset, InputError
from ml.generators.pretrained.listed import PRETRAINED
from ml.generators.pretrained.shelf import MARKER, folder_of, marker_text
from ml.generators.protocol import Request
from ml.prompt import parse_prompt
from ml.sources import Source

pytestmark = pytest.mark.slow  # whole runs, services and trainings: seconds each

# A package that TripoSR's adapter takes for its source's: each picture becomes a box as wide as its object.
SOURCE = """
import sys
import numpy as np
import trimesh

class Renderer:
    def set_chunk_size(self, chunk_size): pass

class TSR:
    renderer = Renderer()
    @classmethod
    def from_pretrained(cls, path, config_name, weight_name):
        print("loading", path)
        return cls()
    def to(self, device): return self
    def __call__(self, image, device): return image
    def extract_mesh(self, codes, has_vertex_color, resolution=256):
        print("a model may print what it likes")
        made = []
        for code in codes:
            pixels = np.asarray(code).astype(int)
            seen = np.abs(pixels - 128).sum(axis=2) > 30
            box = trimesh.creation.box((1, seen.any(axis=0).mean(), seen.any(axis=1).mean()))
            made.append(box if box.extents[1] < 0.8 else None)
        return made
"""


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A second environment that sees this one's packages, this checkout and the stand-in."""
    folder = tmp_path / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    (tmp_path / "sources" / "tsr").mkdir(parents=True)
    (tmp_path / "sources" / "tsr" / "__init__.py").write_text("")
    (tmp_path / "sources" / "tsr" / "system.py").write_text(SOURCE)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    paths = [str(tmp_path / "sources"), str(Path(__file__).parents[2]), *(p for p in sys.path if "site-packages" in p)]
    (packages / "checkouts.pth").write_text("\n".join(paths))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("MESHMILL_MODELS", str(tmp_path / "models"))
    for weights in PRETRAINED["triposr"][0].card.weights:
        folder_of(weights).mkdir(parents=True)
        (folder_of(weights) / "model.ckpt").write_bytes(b"1234")
        (folder_of(weights) / MARKER).write_text(marker_text("c" * 40, {"model.ckpt": 4}))
    return str(folder / "bin" / "python")


def picture(folder: Path, name: str, width: int) -> Source:
    image = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(image).rectangle((100 - width, 40, 100 + width, 160), fill=(20, 60, 200))
    image.save(folder / name)
    return Source(str(folder / name), str(folder))


def test_a_model_is_loaded_and_kept_warm_in_its_own_environment(python: str, tmp_path: Path) -> None:
    generator = make_generator("triposr", PRETRAINED["triposr"][1](device="cpu", python=python))
    thin, wide = picture(tmp_path, "thin.png", 20), picture(tmp_path, "wide.png", 70)
    requests = [Request("thin", 1, image=thin), Request("wide", 1, image=wide)]
    first, failed = generator.generate([*requests])
    assert isinstance(first, Asset), first
    assert first.name == "thin"
    assert first.notes["weights"] == "stabilityai/TripoSR@cccccccccccc"
    width, height, depth = np.ptp(first.parts[0].vertices, axis=0)
    assert (depth, height) == (pytest.approx(1.0), pytest.approx(0.85, abs=0.02))  # its +X is the house's +Z
    assert width == pytest.approx(0.85 * 40 / 120, abs=0.02)
    assert isinstance(failed, InputError)
    assert failed.code == "model.no-surface"
    warm = generator.program.process.pid  # type: ignore[attr-defined]
    refused, again = generator.generate([Request("words", 1, prompt=parse_prompt("a box")), requests[0]])
    assert getattr(refused, "code", "") == "prompt.no-text-to-image"
    assert isinstance(again, Asset)
    assert generator.program.process.pid == warm  # type: ignore[attr-defined]
