from __future__ import annotations

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from manifests.errors import StoreError
from manifests.store import Store, content_path

WRITER = """
import sys
from manifests.store import Store
store = Store(sys.argv[1])
print("ready", flush=True)
while True:
    for letter in (b"a", b"b"):
        store.put("deep/file", letter * 4_000_000)
"""


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "out") if request.param == "local" else f"memory://{uuid4().hex}/out")


def test_files_come_back_and_go(store: Store) -> None:
    store.put("a/b/c.txt", b"one")
    store.put("a/b/c.txt", b"three", durable=True)
    store.put("a/d%20 ü.txt", b"")
    assert store.read("a/b/c.txt") == b"three"
    assert [store.size(path) for path in ("a/b/c.txt", "a/d%20 ü.txt", "a/none", "a")] == [5, 0, None, None]
    assert store.exists("a/b/c.txt")
    assert sorted(store.list()) == sorted(store.list("a")) == ["a/b/c.txt", "a/d%20 ü.txt"]
    assert list(store.list("a/b/")) == ["a/b/c.txt"]
    assert store.read_many(["a/b/c.txt", "none"]) == {"a/b/c.txt": b"three"}
    assert store.read_many([]) == {}
    store.delete("a/b/c.txt")
    store.delete("a/b/c.txt")
    assert not store.exists("a/b/c.txt")
    with pytest.raises(FileNotFoundError):
        store.read("a/b/c.txt")
    store.delete_tree("a")
    store.delete_tree("a")
    assert list(store.list()) == []
    assert list(store.list("nowhere")) == []


def test_content_is_kept_under_its_digest(store: Store) -> None:
    digest = store.put_content(b"mesh", ".glb")
    assert digest == hashlib.sha256(b"mesh").hexdigest()
    assert content_path(digest, ".glb") == f"store/{digest[:2]}/{digest}.glb"
    assert store.get_content(digest, ".glb") == b"mesh"
    store.put(content_path(digest, ".glb"), b"hsem")
    assert store.put_content(b"mesh", ".glb") == digest
    with pytest.raises(StoreError, match="another digest"):
        store.get_content(digest, ".glb")  # same size: not written again, but never handed out
    store.put(content_path(digest, ".glb"), b"me")
    store.put_content(b"mesh", ".glb")
    assert store.get_content(digest, ".glb") == b"mesh"


def test_of_several_writers_one_is_first(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        wins = list(pool.map(lambda i: store.put_if_absent("lock/x", b"%d" % i), range(8)))
    if store.uri.startswith("/"):  # fsspec's in-memory file system checks and writes in two steps
        assert wins.count(True) == 1
    assert store.put_if_absent("lock/x", b"late") is False
    assert store.read("lock/x") != b"late"


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "", "a//b", "./a", "a\0b", ".tmp/x"])
def test_paths_stay_inside(store: Store, path: str) -> None:
    for action in (store.read, store.delete, store.delete_tree, store.size, store.uri_of):
        with pytest.raises(StoreError):
            action(path)
    with pytest.raises(StoreError):
        store.put(path, b"x")


def test_a_pickled_store_reaches_the_same_files(store: Store) -> None:
    store.put("a", b"1")
    again = pickle.loads(pickle.dumps(store))
    assert again.read("a") == b"1"
    assert again.uri_of("a") == store.uri_of("a")
    assert len(pickle.dumps(store)) < 300


def test_local_uris_are_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store("out")
    store.put("a/b", b"1")
    monkeypatch.chdir("/")
    assert Path(store.uri_of("a/b")).read_bytes() == b"1"
    assert Store(f"file://{tmp_path}/out").read("a/b") == b"1"


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.put("a/b", b"1")
    with pytest.raises(OSError, match="directory"):
        store.put("a", b"2")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "a" / "b"]


def test_sweep_takes_only_old_leftovers(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.put("a", b"1")
    for name, age in (("old", 4000), ("new", 10)):
        (tmp_path / ".tmp" / name).write_bytes(b"half")
        os.utime(tmp_path / ".tmp" / name, (time.time() - age,) * 2)
    assert list(store.list()) == ["a"]
    assert store.sweep() == 1
    assert [path.name for path in (tmp_path / ".tmp").iterdir()] == ["new"]


def test_a_killed_writer_leaves_the_whole_old_file_or_the_whole_new_one(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for pause in (0.02, 0.05, 0.09):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            while not store.exists("deep/file"):
                time.sleep(0.01)
            time.sleep(pause)
            writer.send_signal(signal.SIGKILL)
        assert store.read("deep/file") in (b"a" * 4_000_000, b"b" * 4_000_000)
        assert list(store.list()) == ["deep/file"]


@pytest.mark.slow
def test_an_object_store(bucket: str) -> None:
    store = pickle.loads(pickle.dumps(Store(f"{bucket}/store")))
    test_files_come_back_and_go(store)
    test_content_is_kept_under_its_digest(store)
    assert [store.put_if_absent("m/x.json", b"1"), store.put_if_absent("m/x.json", b"2")] == [True, False]
    assert store.read("m/x.json") == b"1"
    assert store.uri_of("m/x.json") == f"{bucket}/store/m/x.json"
