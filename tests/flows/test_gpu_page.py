"""What infra/gpu.md tells to write and to call is read by the recipe reader, the parser and the list of models."""

from __future__ import annotations

import csv
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from flows import cli
from flows.catalogue import catalogue
from manifests.recipe import parse_recipe
from ml.generators.pretrained.listed import PRETRAINED
from tasks.refinement import asks_distillation
from tasks.region import parse_region

HOUSE = Path(__file__).parents[2]
PAGE = (HOUSE / "infra" / "gpu.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
RECIPES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]


@pytest.mark.parametrize("text", RECIPES, ids=range(len(RECIPES)))
def test_recipes_are_read(text: str) -> None:
    recipe = parse_recipe(text, "page.toml", catalogue())
    assert recipe.generator == tomllib.loads(text).get("generator", {}).get("use", "auto")


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("meshmill")])
def test_commands_exist(line: str) -> None:
    options = cli.parser().parse_args(shlex.split(line)[1:])
    assert callable(options.handler)
    assert all(name in PRETRAINED for name in getattr(options, "names", ()))


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_shell_reads_every_block(block: str) -> None:
    subprocess.run(["bash", "-n"], input=block, text=True, check=True)


@pytest.mark.parametrize("text", RECIPES, ids=range(len(RECIPES)))
def test_what_recipes_lack_here_is_told_line_by_line(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`models check --recipe` of each: ready, or a code of the page and a line that says what to do."""
    monkeypatch.setenv("MESHMILL_MODELS", str(tmp_path / "models"))
    (tmp_path / "page.toml").write_text(text)
    code = cli.main(["models", "check", "--recipe", str(tmp_path / "page.toml")])
    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if not line.endswith(": ready")]
    known = "|".join(re.escape(each) for each in re.findall(r"model\.missing-[a-z]+", PAGE))
    assert lines
    assert all(re.match(rf"[\w.-]+: ({known}): .{{9,}}", line) for line in told)
    assert code == (2 if told else 0)


def test_the_checkouts_become_importable(tmp_path: Path) -> None:
    """The page's line for TripoSG's environment, run on an environment and a checkout that are made here."""
    (line,) = (line for line in COMMANDS if "envs/triposg/lib" in line)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "envs" / "triposg")], check=True)
    (version,) = (tmp_path / "envs" / "triposg" / "lib").iterdir()
    if version.name != "python3.10":
        (version.parent / "python3.10").symlink_to(version.name)
    for package in (tmp_path / "envs" / "TripoSG" / "triposg", tmp_path / "ml"):
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True)
    asked = [str(tmp_path / "envs" / "triposg" / "bin" / "python"), "-c", "import triposg, ml; print(ml.__file__)"]
    done = subprocess.run(asked, cwd="/", env={}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "ml" / "__init__.py")


def test_the_pages_rows_are_rows_of_a_refinement() -> None:
    """The table of the page's refinement, and its region as the step takes it."""
    (table,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    (row,) = csv.DictReader(table.splitlines())
    assert asks_distillation(row["instruction"])
    assert parse_region(row["region"]).boxes
    (step,) = re.findall(r"^region = '(.*)'$", PAGE, re.MULTILINE)
    assert json.loads(step) == json.loads(row["region"])


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
