"""Training the alignment model: a killed one ends as an undisturbed one, and open_clip loads what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flows import cli
from ml.alignment.model import load_alignment
from ml.alignment.tensors import read_tensors, write_tensors
from ml.asset import InputError

pytestmark = pytest.mark.slow

RECIPE = "groups = 6\ncheck_groups = 4\nside = 32\nbatch = 4\nsteps = 4\ntext_width = 32\nfeatures = 16\nrate = 0.001\n"


class Killed(BaseException):
    """What a kill is to the code it meets."""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    file = tmp_path_factory.mktemp("training") / "tiny.toml"
    file.write_text(RECIPE)
    return file


@pytest.fixture(scope="module")
def whole(recipe: Path) -> Path:
    out = recipe.parent / "whole"
    assert cli.main(["train", "alignment", "--recipe", str(recipe), "--out", str(out)]) == 0
    return out


def test_a_killed_training_ends_as_an_undisturbed_one(
    recipe: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.training import train_alignment
    from ml.alignment import train

    def told(line: str) -> None:
        if line.startswith(("step 2/", "6/6 groups")):
            raise Killed

    monkeypatch.setattr(train, "SAVED_EVERY", 2)
    for _ in range(2):  # once among the examples, once among the steps
        with pytest.raises(Killed):
            train_alignment(recipe, tmp_path / "out", told)
    train_alignment(recipe, tmp_path / "out", told)
    ours, theirs = (read_tensors(folder / "model.safetensors") for folder in (tmp_path / "out", whole))
    assert ours.keys() == theirs.keys()
    assert all(np.allclose(ours[name], theirs[name], atol=2e-3) for name in ours)
    started = read_tensors(whole / "checkpoint.safetensors")
    assert int(started["step"][0]) == 4


def test_a_lost_file_of_examples_is_made_again_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ml.alignment import example_files
    from ml.alignment.examples import Studio
    from tasks.portraits import DIRECTIONS, LAMP, portraits

    monkeypatch.setattr(example_files, "GROUPS", 1)
    told: list[str] = []

    def made() -> list[bytes]:
        parts = example_files.kept_examples(
            tmp_path, 3, 7, Studio(portraits, 32, DIRECTIONS, LAMP), False, 2, told.append
        )
        return [pictures.tobytes() for pictures, _ in parts]

    first = made()
    (tmp_path / "00000008.npy").unlink()
    assert made() == first
    assert len(told) == 4


def test_open_clip_loads_what_was_trained(whole: Path) -> None:
    small = load_alignment(str(whole))
    pictures = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    shipped = load_alignment("meshmill")
    assert shipped.side == 64
    through = load_alignment(f"meshmill@{Path(load_alignment.__code__.co_filename).parent}/weights/model.safetensors")
    large = np.repeat(np.repeat(pictures, 2, axis=1), 2, axis=2)
    texts = ["a red chair with oak legs", "boat"]
    assert np.abs(shipped.images(large) - through.images(large)).max() < 1e-4
    assert np.abs(shipped.texts(texts) - through.texts(texts)).max() < 1e-4
    assert 0.0 <= through.score(through.images(large), "a red chair") <= 1.0
    assert small.images(pictures).shape == (2, 16)
    assert 0.0 <= small.score(small.images(pictures), "a chair") <= 1.0


def test_another_recipe_does_not_go_on_from_it(
    recipe: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.toml"
    other.write_text(RECIPE.replace("steps = 4", "steps = 5"))
    assert cli.main(["train", "alignment", "--recipe", str(other), "--out", str(whole)]) == 2
    assert "another recipe" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["steps = 'many'", "stepz = 3", "side = 48", "steps = -1", "steps ="])
def test_a_wrong_recipe_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    assert cli.main(["train", "alignment", "--recipe", str(tmp_path / "bad.toml"), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("meshmill: bad.toml")


@pytest.mark.parametrize("damage", [b"", b"\x00" * 7, b"\xff" * 64, b"\x02\0\0\0\0\0\0\0[]"])
def test_damaged_weights_are_told(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(damage)
    with pytest.raises(InputError, match="not a safetensors file"):
        read_tensors(tmp_path / "a.safetensors")


def test_tensors_are_what_safetensors_reads(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy")
    arrays = {"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.array(3.5, np.float32), "c": np.arange(3)}
    write_tensors(tmp_path / "x.safetensors", arrays)
    theirs = library.load_file(tmp_path / "x.safetensors")
    ours = read_tensors(tmp_path / "x.safetensors")
    assert all((theirs[name] == arrays[name]).all() and (ours[name] == arrays[name]).all() for name in arrays)
