"""Reads single rows of Parquet files by number: of a row group that is read, neighbours come from memory."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FOOTERS, GROUPS = 64, 8  # kept: footers of 0.6 MB at most, groups of 1 MiB, or of one sample where that is larger


def row_of(url: str, name: str, row: int) -> dict[str, Any]:
    """The row of this number in the file `name` under a folder or URL.

    No file stays open, so that forked workers share none. Raises ValueError for a number out of range or a file that is
    no Parquet, FileNotFoundError, and pyarrow's own errors.
    """
    footer, ends = _footer(url, name)
    if not 0 <= row < footer.num_rows:
        raise ValueError(f"row {row} of {footer.num_rows}")
    group = int(np.searchsorted(ends, row, side="right"))
    first = int(ends[group - 1]) if group else 0
    found: dict[str, Any] = _group(url, name, group).slice(row - first, 1).to_pylist()[0]
    return found


@lru_cache(FOOTERS)
def _footer(url: str, name: str) -> tuple[pq.FileMetaData, np.ndarray[Any, np.dtype[np.int64]]]:
    """The footer, and the number of rows up to the end of each group."""
    files, root = fsspec.core.url_to_fs(url)
    with files.open(f"{root}/{name}", "rb") as stream:
        footer = pq.read_metadata(stream)
    return footer, np.cumsum([footer.row_group(group).num_rows for group in range(footer.num_row_groups)])


@lru_cache(GROUPS)
def _group(url: str, name: str, group: int) -> pa.Table:
    files, root = fsspec.core.url_to_fs(url)
    with files.open(f"{root}/{name}", "rb") as stream:
        return pq.ParquetFile(stream, metadata=_footer(url, name)[0]).read_row_group(group)
