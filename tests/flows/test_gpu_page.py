"""What infra/gpu.md tells to write and to call is read by the recipe reader, the parser and the list of models."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from flows import cli
from flows.catalogue import catalogue
from manifests.recipe import parse_recipe
from ml.generators.pretrained.listed import PRETRAINED

PAGE = (Path(__file__).parents[2] / "infra" / "gpu.md").read_text()
RECIPES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("text", RECIPES, ids=range(len(RECIPES)))
def test_recipes_are_read(text: str) -> None:
    recipe = parse_recipe(text, "page.toml", catalogue())
    assert recipe.generator == tomllib.loads(text).get("generator", {}).get("use", "auto")


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("meshmill")])
def test_commands_exist(line: str) -> None:
    options = cli.parser().parse_args(shlex.split(line)[1:])
    assert callable(options.handler)
    assert all(name in PRETRAINED for name in getattr(options, "names", ()))


def test_the_page_checks_out_what_the_adapters_were_checked_at() -> None:
    commits = set(re.findall(r"checkout ([0-9a-f]{40})", PAGE))
    assert commits == {PRETRAINED[name][0].card.revision for name in ("triposg", "trellis2")}


def test_the_page_explains_every_code() -> None:
    rooms = ("flows/models.py", "ml/generators/pretrained/shelf.py", "ml/generators/program.py")
    used = {
        code
        for room in rooms
        for code in re.findall(r"model\.missing-[a-z]+", (Path(__file__).parents[2] / room).read_text())
    }
    assert used <= set(re.findall(r"model\.missing-[a-z]+", PAGE))
