"""The estimate is exact for plain manifests and silent where it would have to read too much."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.estimate import estimate_rows


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [("a.csv", "prompt\nx\ny\n", 2), ("b.csv", "prompt\nx\ny", 2), ("c.jsonl", "{}\n{}\n", 2), ("d.csv", "", 0)],
)
def test_lines_are_counted(tmp_path: Path, name: str, text: str, rows: int) -> None:
    (tmp_path / name).write_text(text)
    assert estimate_rows(str(tmp_path / name)) == rows


def test_parquet_tells_its_own_count(tmp_path: Path) -> None:
    pq.write_table(pa.table({"prompt": ["x"] * 7}), tmp_path / "rows.parquet")
    assert estimate_rows(str(tmp_path / "rows.parquet")) == 7


def test_nothing_is_guessed_of_remote_or_compressed_files(tmp_path: Path) -> None:
    (tmp_path / "rows.csv.gz").write_bytes(b"\x1f\x8b")
    assert estimate_rows("s3://bucket/rows.csv") is None
    assert estimate_rows(str(tmp_path / "rows.csv.gz")) is None
    assert estimate_rows(str(tmp_path / "absent.csv")) is None
