"""What is done without is told in a line that says what to install and what happens meanwhile, and stops no run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from flows import cli, optional_parts
from flows.catalogue import catalogue
from flows.models import check_models, lacking_here, lacking_in
from flows.optional_parts import PARTS, named_parts, parts_lacking
from manifests.errors import RecipeError
from manifests.recipe import Recipe, parse_recipe
from ml.generators.pretrained import shelf
from ml.generators.reconstruct import ReconstructOptions
from tasks.caption import CaptionOptions

ABSENT = {part_module for part in PARTS for part_module in part.modules}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any of the packages, and without a GPU."""
    found: Any = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name in ABSENT else found(name, *more))
    for module in (shelf, optional_parts):
        monkeypatch.setattr(module, "accelerator_gb", lambda: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def recipe(text: str) -> Recipe:
    return parse_recipe(text, "mine.toml", catalogue())


def test_a_line_says_what_to_install_and_what_happens_without(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "check", *named_parts()]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if "model.optional-package" in line]
    assert len(told) == len([part for part in PARTS if not part.gpu]) == len(lines) - len(named_parts())
    for line, part in zip(told, (part for part in PARTS if not part.gpu), strict=True):
        assert line.startswith(f"{part.of}: model.optional-package: not installed here: {', '.join(part.modules)} (")
        assert part.install in line
        assert line.endswith(f"; without: {part.without}")
    assert [line for line in lines if line not in told] == [f"{name}: ready" for name in named_parts()]


def test_what_only_a_gpu_uses_is_asked_for_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(parts_lacking("distances")) == []
    monkeypatch.setattr(optional_parts, "accelerator_gb", lambda: 80.0)
    (missing,) = parts_lacking("distances")
    assert "torch, cubvh" in missing.text


def test_names_of_models_and_parts_are_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "check", "refine-normals"]) == 2
    assert "no model 'refine-normals'; did you mean 'refine_normals'?" in capsys.readouterr().err


def test_a_recipe_that_asks_for_nvdiffrast_is_told_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, asking = '[[steps]]\nuse = "refine_normals"\n', 'rasteriser = "nvdiffrast"\n'
    assert lacking_in(recipe(plain))["refine_normals"] == []
    (tmp_path / "fine.toml").write_text(plain + asking)
    assert cli.main(["models", "check", "--recipe", str(tmp_path / "fine.toml")]) == 2
    package, gpu = (line for line in capsys.readouterr().out.splitlines() if line.startswith("refine_normals"))
    assert package.startswith("refine_normals: model.missing-package: not installed here: torch, nvdiffrast (pip ")
    assert gpu == "refine_normals: model.missing-gpu: no GPU here; rasteriser = 'nvdiffrast' needs one"
    with pytest.raises(RecipeError, match=r"step refine_normals: model.missing-package"):
        check_models(recipe(plain + asking))


def test_a_captioner_that_is_not_there_is_told_of_and_stops_nothing(tmp_path: Path) -> None:
    asking = recipe(f'[[steps]]\nuse = "caption"\nmodel = "{tmp_path}"\ndevice = "cuda"\n')
    found = lacking_in(asking)["caption"]
    assert [each.code for each in found] == [f"model.optional-{what}" for what in ("package", "gpu", "weights")]
    assert all(each.text.endswith("; without: captions are made of metadata") for each in found)
    check_models(asking)
    assert CaptionOptions().lacks() == []


def test_reconstruction_needs_torch_and_the_gpu_that_is_named() -> None:
    def lacks(device: str) -> list[str]:
        return [each.code for each in lacking_here("reconstruct", ReconstructOptions(device=device))]

    assert lacks("cpu") == ["model.missing-package"]
    assert lacks("cuda:1") == ["model.missing-package", "model.missing-gpu"]
