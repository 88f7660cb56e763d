"""Whole files: what cannot be read is one sentence, no bytes break a reader, and memory does not grow with rows."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests.errors import ManifestError
from manifests.readers import read_manifest
from manifests.row import InvalidRow, Row

PARQUET = pa.BufferOutputStream()
pq.write_table(pa.table({"prompt": ["a"] * 10}), PARQUET)
PARQUET_BYTES = PARQUET.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.csv", b"", "is empty"),
        ("m.csv", b"\xef\xbb\xbf\r\n \n", "is empty"),
        ("m.parquet", b"id,prompt\n", "is not a Parquet file"),
        ("m.parquet", PARQUET_BYTES[:-20], "not a whole Parquet file"),
        ("m.parquet", b"PAR1", "not a whole Parquet file"),
        ("m.csv", PARQUET_BYTES, "is a Parquet file"),
        ("m.csv", b"a red chair\na blue one\n", "no header"),
        ("m.csv", b"id,promt\n1,x\n", "no header"),
        ("m.csv", b"prompt,Prompt\nx,y\n", "stands twice"),
        ("m.csv", b"prompt,\0\x01\x02", "binary"),
        ("m.csv", b"PK\x03\x04rest", "Excel"),
        ("m.csv", "prompt\nx\n".encode("utf-16"), "UTF-16"),
        ("m.csv.gz", b"prompt\nx\n", "not gzip"),
        ("m.csv.gz", gzip.compress(b"prompt\nx\n", mtime=0)[:12], "cannot be read"),
        ("m.jsonl", b"[{}]", "not a JSON object"),
        ("m.jsonl", b'{\n"prompt": "x"\n}', "one object a line"),
    ],
)
def test_wrong_files_are_one_sentence(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError, match=words) as caught:
        read_manifest(str(tmp_path / name))
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.parametrize("uri", ["missing.csv", ".", "memory://nowhere/m.csv", "nosuchscheme://x/m.csv"])
def test_files_that_cannot_be_opened(tmp_path: Path, uri: str) -> None:
    place = uri if "://" in uri else str(tmp_path / uri)
    with pytest.raises(ManifestError, match="cannot be opened"):
        read_manifest(place)


def test_parquet_without_an_input_column_names_what_it_has(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "n": [1]}), tmp_path / "m.parquet")
    with pytest.raises(ManifestError, match="text, n"):
        read_manifest(str(tmp_path / "m.parquet"))


def test_a_gzip_cut_short_is_told_at_its_end(tmp_path: Path) -> None:
    content = "prompt\n" + "".join(f"chair {i * 7919 % 10007}\n" for i in range(20000))
    (tmp_path / "m.csv.gz").write_bytes(gzip.compress(content.encode())[:-3000])
    rows = read_manifest(str(tmp_path / "m.csv.gz"))
    with pytest.raises(ManifestError, match="to its end"):
        list(rows)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["m.csv", "m.jsonl", "m.parquet", "m.gz"]))
def test_no_bytes_break_a_reader(tmp_path: Path, tail: bytes, name: str) -> None:
    heads = {"m.csv": b"id,prompt,seed\n", "m.jsonl": b'{"prompt": "a"}\n', "m.parquet": b"PAR1", "m.gz": b"\x1f\x8b"}
    (tmp_path / name).write_bytes(heads[name] + tail)
    with contextlib.suppress(ManifestError):
        for row in read_manifest(str(tmp_path / name)):
            row.id.encode()


def test_memory_does_not_grow_with_the_manifest(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    with path.open("w") as stream:
        stream.write("id,prompt\n")
        stream.writelines(f"{i},{'chair ' * 20}{i}\n" for i in range(20_000))
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_manifest(str(path)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 20_000
    # The set of id hashes is 100 bytes a row at most; the rows themselves would be over 20 MB.
    assert peak < 20_000 * 100 + 1_500_000


def test_parquet_is_read_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"prompt": [f"{'chair ' * 500}{i}" for i in range(4000)]}), path, compression="zstd")
    tracemalloc.start()
    try:
        rows: Iterator[Row | InvalidRow] = read_manifest(str(path))
        assert sum(isinstance(row, Row) for row in rows) == 4000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000  # all texts together are 12 MB
