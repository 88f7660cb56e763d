"""The log of publications: every line durable and chained, small files put together, whatever happens between."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests import publications
from manifests.errors import LedgerError
from manifests.publications import Publications
from manifests.store import Store

PLACE = ("shop", "chair", "k1")


def files(folder: Path) -> list[Path]:
    return sorted((folder / "log").iterdir())


def test_the_last_word_counts_and_versions_are_told_apart(tmp_path: Path) -> None:
    log = Publications(Store(str(tmp_path)))
    log.append("intent", PLACE, token="t")
    log.append("created", PLACE, token="t", remote="r1")
    log.append("intent", ("shop", "chair", "k2"))
    again = Publications(Store(str(tmp_path)))
    last = again.last(*PLACE)
    assert last is not None
    assert (last.event, last.remote) == ("created", "r1")
    assert again.last("other shop", "chair", "k1") is None
    other = again.other_version("shop", "chair", "k2")
    assert other is not None
    assert other.key == "k1"
    assert again.other_version("shop", "chair", "k1") is None


def test_a_second_writer_is_told_and_nothing_is_written_over(tmp_path: Path) -> None:
    one, two = Publications(Store(str(tmp_path))), Publications(Store(str(tmp_path)))
    one.append("intent", PLACE)
    with pytest.raises(LedgerError, match="another process"):
        two.append("failed", PLACE)
    assert [entry.event for entry in Publications(Store(str(tmp_path))).entries()] == ["intent"]


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(2, 7), st.data())
def test_putting_files_together_changes_no_line_even_when_it_is_killed(
    tmp_path_factory: pytest.TempPathFactory, bursts: list[int], full: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("log")
    store = Store(str(folder))
    written = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publications, "SMALL_FILES", 2)
        patch.setattr(publications, "FULL", full)
        for burst in bursts:
            log = Publications(store)
            for _ in range(burst):
                written += 1
                log.append("intent", ("shop", f"asset-{written}", "k"))
            kept = {path: path.read_bytes() for path in files(folder)}
            Publications(store).tidy()
            for path in data.draw(st.sets(st.sampled_from(sorted(kept)))):  # those that a kill left undeleted
                if not path.exists():
                    path.write_bytes(kept[path])
        numbers = [int(entry.id.removeprefix("asset-")) for entry in Publications(store).entries()]
        assert numbers == list(range(1, written + 1))


@pytest.mark.parametrize("harm", ["changed", "gone", "swapped", "cut"])
def test_any_harm_to_a_line_is_told(tmp_path: Path, harm: str) -> None:
    log = Publications(Store(str(tmp_path)))
    for number in range(5):
        log.append("intent", ("shop", f"asset-{number}", "k"))
    third, fourth = files(tmp_path)[2:4]
    if harm == "changed":
        third.write_bytes(third.read_bytes().replace(b"asset-2", b"asset-9"))
    elif harm == "gone":
        third.unlink()
    elif harm == "swapped":
        one, two = third.read_bytes(), fourth.read_bytes()
        third.write_bytes(two)
        fourth.write_bytes(one)
    else:
        third.write_bytes(third.read_bytes()[:40])
    with pytest.raises(LedgerError):
        Publications(Store(str(tmp_path)))
