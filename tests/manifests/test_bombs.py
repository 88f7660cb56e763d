"""Manifests that are made to fill the memory: a few kilobytes that unpack to gigabytes stay small or are refused."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.errors import ManifestError
from manifests.readers import read_manifest

pytestmark = pytest.mark.slow  # whole runs, services and trainings: seconds each

READ = """
import resource, sys
from manifests.readers import read_manifest
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = sum(1 for _ in read_manifest(sys.argv[1]))
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def rows_and_growth(path: Path) -> tuple[int, int]:
    """Rows of a manifest, and the MB that reading it took, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    rows, growth = map(int, done.stdout.split())
    return rows, growth


@pytest.mark.parametrize(("name", "head"), [("rows.csv.gz", b"id,prompt\na,"), ("rows.jsonl.gz", b'{"prompt":"')])
def test_a_line_without_an_end(tmp_path: Path, name: str, head: bytes) -> None:
    with gzip.open(tmp_path / name, "wb", 1) as stream:
        stream.write(head)
        for _ in range(80):
            stream.write(b"a" * 1_000_000)
    assert (tmp_path / name).stat().st_size < 1_000_000
    rows, growth = rows_and_growth(tmp_path / name)
    assert rows == 1
    assert growth < 40


def test_a_parquet_value_of_hundreds_of_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"prompt": ["a" * 100_000_000]}), path, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 100_000
    with pytest.raises(ManifestError, match="unpacks from"):
        list(read_manifest(str(path)))


def test_a_parquet_value_that_stands_in_every_row(tmp_path: Path) -> None:
    """Five million characters, once in the dictionary, in each of 256 rows: twice 1.3 GB."""
    path = tmp_path / "rows.parquet"
    value = pa.DictionaryArray.from_arrays(pa.array([0] * 256, pa.int32()), pa.array(["a" * 5_000_000]))
    pq.write_table(pa.table({"prompt": value}), path, compression="zstd")
    assert path.stat().st_size < 100_000
    rows, growth = rows_and_growth(path)
    assert rows == 256
    assert growth < 1300


def test_a_large_ordinary_parquet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    prompts = [f"a chair number {i} of many, each with {i % 97} legs and {i % 89} arms" for i in range(20_000)]
    pq.write_table(pa.table({"prompt": prompts}), path, compression="zstd")
    assert sum(1 for _ in read_manifest(str(path))) == 20_000
