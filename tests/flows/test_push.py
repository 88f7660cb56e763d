"""Data sets pushed over real HTTP, to a hub and to S3: whole after any kill, and nothing published is changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from other_shops import Hub
from shard_rows import packed, write
from shop_server import serving

from flows import cli
from flows.publish_http import Clock
from flows.push import Pushed, place_of, push
from flows.push_places.huggingface import HubPlace
from flows.push_places.protocol import Place, PushFile
from manifests.errors import ShardError, UsageError
from manifests.store import Store

# The hub's client streams files as its HTTP library no longer likes it.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")]
REPO = "me/set"
STILL = Clock(lambda: 0.0, lambda seconds: None)


@dataclass(frozen=True)
class Far:
    """A place: how it is opened, what it holds, and a way to change a file of it behind its back."""

    opened: Callable[[], Place]
    held: Callable[[], dict[str, bytes]]
    change: Callable[[str, bytes], None]


class Killed(BaseException):
    """As if the process ended here."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of three splits with a card."""
    write(tmp_path / "out", range(60))
    packed(tmp_path / "out", tmp_path / "set")
    (tmp_path / "set/README.md").write_text("60 things\n")
    return tmp_path / "set"


def files(folder: Path) -> dict[str, bytes]:
    return {path: Store(str(folder)).read(path) for path in Store(str(folder)).list()}


@contextmanager
def a_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    """A hub of its own; large files go through the documented batch API, not through Xet."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(Hub, "LARGE", (".tar", ".parquet", ".jpg"))
    monkeypatch.setenv("HF_TOKEN", "secret-of-the-shop")
    with serving(Hub()) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        there = hub.repos.setdefault(REPO, {"private": True, "files": {}})["files"]
        yield Far(lambda: HubPlace(f"hf://datasets/{REPO}", STILL), lambda: dict(there), there.__setitem__)


@pytest.fixture(params=["hub", "s3"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    if request.param == "hub":
        with a_hub(monkeypatch) as found:
            yield found
    else:
        uri = f"{request.getfixturevalue('bucket')}/sets/one"
        far = Store(uri)
        yield Far(lambda: place_of(uri), lambda: {path: far.read(path) for path in far.list()}, far.put)


def test_a_place_gets_all_files_and_later_versions_only_what_is_new(folder: Path, tmp_path: Path, place: Far) -> None:
    opened, held = place.opened, place.held
    first = push(str(folder), opened())
    before = held()
    assert before == files(folder)
    assert (first.files, first.kept) == (len(before), 0)
    assert push(str(folder), opened()) == Pushed(opened().name, "1", 0, 0, sum("stats/" in path for path in before))
    write(tmp_path / "out", range(60, 80))
    packed(tmp_path / "out", folder)
    (folder / "README.md").write_text("80 things\n")
    push(str(folder), opened())
    after = held()
    assert after == files(folder)
    assert {path for path in before if after[path] != before[path]} == {"README.md"}


def killed_at(place: Place, step: int, late: bool) -> Place:
    """The place, whose sender dies in its `step`-th call, before or behind it."""
    sent = iter(range(1000))
    real: Any = place.send

    def send(given: Sequence[PushFile], said: str) -> None:
        number = next(sent)
        if number == step and not late:
            raise Killed
        real(given, said)
        if number == step:
            raise Killed

    place.send = send  # type: ignore[method-assign]
    return place


@pytest.mark.parametrize("late", [False, True])
def test_after_a_kill_the_same_call_ends_in_the_same_bytes(folder: Path, place: Far, late: bool) -> None:
    opened, held = place.opened, place.held
    for step in range(3):
        with pytest.raises(Killed):
            push(str(folder), killed_at(opened(), 0 if step else step, late))
    push(str(folder), opened())
    assert held() == files(folder)


@pytest.mark.parametrize("path", ["stats/train/shard-000000.json", "train/shard-000000.tar", "versions/1.json"])
def test_other_bytes_under_a_published_name_are_refused_before_anything_is_sent(
    folder: Path, tmp_path: Path, place: Far, path: str
) -> None:
    opened, held = place.opened, place.held
    push(str(folder), opened())
    write(tmp_path / "out", range(60, 80))
    packed(tmp_path / "out", folder)
    before = held()
    place.change(path, before[path] + b"\n")
    with pytest.raises(ShardError, match=r"other bytes|not the file"):
        push(str(folder), opened())
    assert held() == {**before, path: before[path] + b"\n"}


def test_a_newer_or_another_data_set_is_left_alone(folder: Path, tmp_path: Path, place: Far) -> None:
    opened, held = place.opened, place.held
    push(str(folder), opened())
    write(tmp_path / "other", range(10))
    packed(tmp_path / "other", tmp_path / "second")
    before = held()
    with pytest.raises(ShardError, match=r"other bytes|does not"):
        push(str(tmp_path / "second"), opened())
    assert held() == before
    with pytest.raises(ShardError, match="no version"):
        push(str(tmp_path / "nothing"), opened())


@pytest.mark.parametrize("fault", ["429", "500", "lost", "lost after", "dropped"])
def test_a_hub_that_falters_gets_everything_once(folder: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    for request in (0, 4, 8):
        with serving(Hub()) as hub, a_hub(monkeypatch):
            monkeypatch.setenv("HF_ENDPOINT", hub.url)
            hub.planned = [*[""] * request, fault]
            push(str(folder), HubPlace(f"hf://datasets/{REPO}", STILL))
            assert not hub.planned
            assert hub.repos[REPO]["files"] == files(folder)
            assert hub.repos[REPO]["private"] in (True, "private")
            uploads = [count for path, count in hub.asked.items() if path.startswith("PUT /storage/")]
            assert max(uploads) <= 2  # of the one that was lost


def test_curate_and_shard_push_and_say_so(
    folder: Path, tmp_path: Path, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["shard", str(tmp_path / "out"), "--to", str(folder), "--size", "10", "--split", "0.8/0.1/0.1"]
    assert cli.main([*call, "--push", f"{bucket}/x", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["pushed"]
    assert (said["place"], said["version"]) == (f"{bucket}/x", "1")
    assert cli.main([*call, "--push", f"{bucket}/x"]) == 0
    assert f"pushed  0 files, 0.0 MB to {bucket}/x" in capsys.readouterr().out
    for wrong in ("hf://models/me/x", "hf://datasets/me", "hf://datasets//x"):
        with pytest.raises(UsageError, match="OWNER/NAME"):
            place_of(wrong)
