from pathlib import Path

import pytest

from manifests.errors import LedgerError
from manifests.remakes import PATH, Remake, asked, load_remakes, save_remakes, withdrawn
from manifests.row import Row, row_key, row_seed
from manifests.store import Store


def test_asking_twice_for_one_asset_counts_once_and_withdrawing_undoes_it() -> None:
    remakes: dict[str, Remake] = {}
    asked(remakes, "a", "k0")
    asked(remakes, "a", "k0")
    assert remakes["a"] == Remake(1, "k0")
    asked(remakes, "a", "k1")
    assert remakes["a"].times == 2
    withdrawn(remakes, "a", "k0")
    assert remakes["a"].times == 2  # that one is gone already
    withdrawn(remakes, "a", "k1")
    withdrawn(remakes, "a", "k1")
    assert remakes["a"].times == 1
    withdrawn(remakes, "b", "k")
    assert "b" not in remakes


def test_the_file_holds_what_was_asked(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert load_remakes(store) == {}
    save_remakes(store, {})
    assert not store.exists(PATH)
    remakes = {"a,\n\ud800": Remake(2, "k"), "b": Remake(0, "")}
    save_remakes(store, remakes)
    assert load_remakes(store) == {"a,\n\ud800": Remake(2, "k")}
    for broken in (b"{", b"[]", b'{"a": 1}'):
        store.put(PATH, broken)
        with pytest.raises(LedgerError):
            load_remakes(store)


def test_each_remake_draws_another_seed_and_gives_another_key() -> None:
    for seed in (None, 0, 7):
        rows = [Row(1, 2, "a", prompt="a chair", seed=seed, remake=n) for n in range(50)]
        assert len({row_seed(row, 3) for row in rows}) == 50
        assert len({row_key(row, "r", "g", 3) for row in rows}) == 50
    assert row_seed(Row(1, 2, "a", seed=7), 3) == 7
