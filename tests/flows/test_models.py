"""Models on the command line and before a run; programs of other environments make whole assets."""

from __future__ import annotations

import inspect
import io
import json
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from PIL import Image

from flows import cli
from flows.catalogue import catalogue
from flows.models import check_models, pull
from flows.placement import gpu_share, make_generator, runs_guarded
from manifests.errors import RecipeError, UsageError
from manifests.recipe import parse_recipe
from ml.generators.distill import DistillOptions
from ml.generators.pretrained.listed import PRETRAINED
from ml.generators.pretrained.shelf import pulled
from ml.generators.protocol import Request
from ml.generators.reconstruct import ReconstructOptions
from ml.generators.registry import GENERATORS
from ml.prompt import parse_prompt

EXAMPLE = Path(__file__).parents[2] / "infra" / "models" / "example"


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MESHMILL_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    return tmp_path / "models"


class Hub:
    """A hub that holds what it is given, behind the signatures of the real one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.cache, self.closed = cache, set[str]()
        real = {name: inspect.signature(getattr(huggingface_hub, name)) for name in ("snapshot_download", "auth_check")}
        info = inspect.signature(huggingface_hub.HfApi.model_info)

        def snapshot_download(*args: Any, **kwargs: Any) -> str:
            given = real["snapshot_download"].bind(*args, **kwargs).arguments
            folder = Path(given.get("local_dir") or self.cache / given["repo_id"])
            for name, data in self.files[given["repo_id"]].items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
            return str(folder)

        def auth_check(*args: Any, **kwargs: Any) -> None:
            if real["auth_check"].bind(*args, **kwargs).arguments["repo_id"] in self.closed:
                raise PermissionError("Cannot access gated repo.\nmore")

        def model_info(*args: Any, **kwargs: Any) -> Any:
            given = info.bind(None, *args, **kwargs).arguments
            files = self.files[given["repo_id"]].items()
            return SimpleNamespace(
                sha=given.get("revision") or "f" * 40,
                siblings=[SimpleNamespace(rfilename=name, size=len(data)) for name, data in files],
            )

        monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
        monkeypatch.setattr(huggingface_hub, "auth_check", auth_check)
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: SimpleNamespace(model_info=model_info))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hub:
    return Hub(monkeypatch, tmp_path / "cache")


def no_words(_: str) -> None:
    """Nobody listens."""


def test_pulling_brings_what_the_model_names_and_remembers_the_commit(hub: Hub, models: Path) -> None:
    hub.files["stabilityai/TripoSR"] = {"model.ckpt": b"12345", "config.yaml": b"a: 1", "picture.png": b"x"}
    pull("triposr", (), "", "a" * 40, no_words)
    (weights,) = PRETRAINED["triposr"][0].card.weights
    marker = pulled(weights)
    assert marker is not None
    assert marker["revision"] == "a" * 40
    assert set(marker["files"]) == {"model.ckpt", "config.yaml"}
    hub.files.clear()
    pull("triposr", (), "", None, no_words)  # nothing is asked for again


def test_gated_and_cached_repositories(hub: Hub, models: Path) -> None:
    for weights in PRETRAINED["trellis2"][0].card.weights:
        hub.files[weights.repository] = {"a.safetensors": b"123"}
    hub.closed.add("briaai/RMBG-2.0")
    with pytest.raises(UsageError, match=r"model.missing-access: briaai/RMBG-2.0"):
        pull("trellis2", (), "", None, no_words)
    assert not list(models.rglob("*.safetensors"))  # access is asked for before the first download
    hub.closed.clear()
    pull("trellis2", (), "", None, no_words)
    assert all(pulled(weights) for weights in PRETRAINED["trellis2"][0].card.weights)
    assert len(list(models.rglob("*.safetensors"))) == 1  # what is loaded by name lies in the hub's own cache


def test_terms_and_disk_stand_before_a_download(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"model.missing-licence.*model.missing-territory: .* no rights in DE"):
        pull("hunyuan3d-2.1", (), "DE", None, no_words)
    hub.files["VAST-AI/TripoSG"] = {"a.bin": b"0" * 1000}
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(UsageError, match=r"model.missing-disk"):
        pull("triposg", (), "", None, no_words)
    with pytest.raises(UsageError, match="no model 'tripsr'"):
        pull("tripsr", (), "", None, no_words)


def test_models_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "list", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == set(PRETRAINED)
    assert cli.main(["models", "list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(PRETRAINED)
    assert cli.main(["models", "check", "stable-fast-3d"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("stable-fast-3d: model.missing-") for line in lines)
    assert {"licence", "package", "weights", "access"} <= {line.split(":")[1].split("-")[1] for line in lines}
    assert cli.main(["models", "check", "no-such"]) == 2
    capsys.readouterr()
    assert cli.main(["models", "check", "distill"]) == 2
    assert "distill: model.missing-weights: no folder: name a diffusers pipeline" in capsys.readouterr().out


def recipe(text: str) -> Any:
    return parse_recipe(text, "mine.toml", catalogue())


def test_a_run_is_refused_before_it_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").write_text('[generator]\nuse = "triposg"\n')
    (tmp_path / "rows.csv").write_text("id,prompt\none,a chair\n")
    code = cli.main(
        ["run", str(tmp_path / "rows.csv"), "--recipe", str(tmp_path / "mine.toml"), "--out", str(tmp_path / "out")]
    )
    assert code == 2
    assert "[generator.triposg]: model.missing-package" in capsys.readouterr().err


def test_a_step_that_asks_a_model_is_checked_too(tmp_path: Path) -> None:
    text = f'[[steps]]\nuse = "distill_edit"\nprompt = "a lamp"\nmodel = "{tmp_path}"\n'
    with pytest.raises(RecipeError, match=r"step distill_edit: model.missing-weights"):
        check_models(recipe(text))


def test_where_ray_is_attached_only_terms_are_checked_here(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = recipe('[generator]\nuse = "hunyuan3d-2.1"\n')
    monkeypatch.setenv("RAY_ADDRESS", "ray://there")
    with pytest.raises(RecipeError, match="missing-licence") as caught:
        check_models(mine)
    assert "missing-package" not in str(caught.value)
    check_models(recipe('[generator]\nuse = "triposg"\n'))


def test_models_that_no_row_uses_leave_keys_alone() -> None:
    plain = recipe('[generator]\nuse = "procedural"\n')
    same = recipe('[generator]\nuse = "procedural"\n[generator.triposg]\nsteps = 50\n')
    other = recipe('[generator]\nuse = "procedural"\n[generator.triposg]\nsteps = 20\n')
    assert plain.digest == same.digest != other.digest


def test_where_generators_run() -> None:
    guarded = {name for name, (_, options) in GENERATORS.items() if runs_guarded(name, options())}
    assert guarded >= {"procedural", "inflate", "visual-hull", "mesh", "noop", "reconstruct"}
    assert not runs_guarded("reconstruct", ReconstructOptions(device="cuda:1"))
    assert not runs_guarded("distill", DistillOptions(device="cpu"))  # a large model all the same
    assert not guarded & {"command", *PRETRAINED}
    assert [gpu_share(8, memory) for memory in (None, 80.0, 24.0, 8.0, 6.0)] == [1.0, 0.1, 0.35, 1.0, 1.0]


@pytest.fixture(scope="module")
def other_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("other")
    venv.create(folder, with_pip=False, symlinks=True)
    return str(folder / "bin" / "python")


def ledger_of(out: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[dict[str, Any]]:
    capsys.readouterr()
    assert cli.main(["ledger", str(out), "--json"]) == 0
    return (json.loads(line) for line in capsys.readouterr().out.splitlines())


@pytest.mark.slow
def test_the_example_makes_a_run_in_an_environment_of_its_own(
    tmp_path: Path, other_python: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (EXAMPLE / "recipe.toml").read_text().replace("/opt/twisted-prism/bin/python", other_python)
    (tmp_path / "prism.toml").write_text(text.replace("infra/models/example", str(EXAMPLE)))
    (tmp_path / "rows.csv").write_text("id,prompt,seed\none,a tall prism,1\ntwo,x,1\nthree,a flat prism,2\n")
    arguments = ["--recipe", str(tmp_path / "prism.toml"), "--out", str(tmp_path / "out"), "--engine", "inline"]
    assert cli.main(["run", str(tmp_path / "rows.csv"), *arguments]) == 0
    rows = {row["id"]: row for row in ledger_of(tmp_path / "out", capsys)}
    assert {id: row["outcome"] for id, row in rows.items()} == {"one": "passed", "two": "rejected", "three": "passed"}
    assert rows["two"]["reasons"] == ["prompt.too-short"]
    assert rows["one"]["meta"]["sides"] == "10"


@pytest.mark.slow
def test_a_picture_drawn_on_the_way_is_an_output_in_the_ledger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (10, 200, 10)).save(buffer, "PNG")
    (tmp_path / "drawn.png").write_bytes(buffer.getvalue())
    (tmp_path / "program.py").write_text(
        f"""import json, pathlib, shutil, sys
sys.path.insert(0, {str(EXAMPLE)!r})
import twisted_prism
folder = pathlib.Path(sys.argv[1])
rows = [twisted_prism.answer(row) for row in json.loads((folder / "request.json").read_text())["rows"]]
shutil.copy({str(tmp_path / "drawn.png")!r}, folder / "drawn.png")
rows = [dict(row, pictures=[str(folder / "drawn.png")]) for row in rows]
(folder / "response.json").write_text(json.dumps(dict(rows=rows)))
"""
    )
    (tmp_path / "mine.toml").write_text(
        f'[generator]\nuse = "command"\n[generator.command]\npython = "{sys.executable}"\n'
        f'command = ["{tmp_path}/program.py"]\n[[exports]]\nuse = "glb"\n[thumbnail]\n'
    )
    (tmp_path / "rows.csv").write_text("id,prompt\none,a tall prism\n")
    arguments = ["--recipe", str(tmp_path / "mine.toml"), "--out", str(tmp_path / "out"), "--engine", "inline"]
    assert cli.main(["run", str(tmp_path / "rows.csv"), *arguments]) == 0
    (row,) = ledger_of(tmp_path / "out", capsys)
    (kept,) = [output for output in row["outputs"] if output["format"] == "reference"]
    with Image.open(tmp_path / "out" / kept["uri"]) as image:
        assert abs(image.getpixel((32, 32))[1] - 200) < 8  # type: ignore[index]
    assert len(row["meta"]["made_from"]["pictures"]) == 1


def test_a_model_with_an_interpreter_of_its_own_is_asked_through_files(tmp_path: Path) -> None:
    """The same adapter, served by another process: here it says what that process lacks."""
    options, other = PRETRAINED["triposr"][1], tmp_path / "python"
    other.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')  # this interpreter by another name
    other.chmod(0o755)
    generator = make_generator("triposr", options(device="cpu", python=str(other)))
    (answer,) = generator.generate([Request("a", 1, prompt=parse_prompt("a chair"))])
    assert getattr(answer, "code", "") == "model.missing-package"
    assert "tsr.system" in getattr(answer, "message", "")
