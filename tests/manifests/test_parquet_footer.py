"""The footer says what pyarrow says of it, and no wrong byte in it ends the process."""

from __future__ import annotations

import base64
import io
import os
import zlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.columns import ASSETS
from manifests.errors import ManifestError
from manifests.parquet_footer import chunks
from manifests.parquet_records import parquet_records

VALUES = {"prompt": ["a", None, "b"], "n": [1, 2, 3], "tags": [["x"], [], None], "s": [{"k": True, "x": 0.5}] * 3}


def written(rows: int = 3, **options: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({name: (list * rows)[:rows] for name, list in VALUES.items()}), stream, **options)
    return stream.getvalue()


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(0, 40),
    group=st.integers(1, 50),
    by_dictionary=st.booleans(),
    codec=st.sampled_from(["none", "snappy", "zstd"]),
    page=st.sampled_from(["1.0", "2.0"]),
)
def test_it_says_what_pyarrow_says(rows: int, group: int, by_dictionary: bool, codec: str, page: str) -> None:
    options = {"use_dictionary": by_dictionary, "compression": codec, "data_page_version": page}
    data = written(rows, row_group_size=group, **options)
    stream = io.BytesIO(data)
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    theirs = [group.column(j) for group in groups for j in range(group.num_columns)]
    ours = chunks(stream, "x")
    assert stream.tell() == 0
    assert [(each.name, each.packed, each.unpacked) for each in ours] == [
        (each.path_in_schema.split(".")[0], each.total_compressed_size, each.total_uncompressed_size) for each in theirs
    ]
    assert [each.by_dictionary for each in ours] == [
        any("DICTIONARY" in encoding for encoding in each.encodings) for each in theirs
    ]


def judged(data: bytes) -> None:
    """Read to the end, or refused."""
    try:
        for _ in parquet_records(io.BytesIO(data), "x", ASSETS):
            pass
    except ManifestError:
        pass


def test_no_wrong_byte_of_a_footer_ends_the_process() -> None:
    data = written(store_schema=False)
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            for at in range(start, len(data)):
                for bit in (1, 2, 128):
                    judged(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"PAR1" + b"\xff" * 8, b"PAR1\x19" + b"\x1c" * 5000 + b"\x01\0\0\0PAR1"]
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        chunks(io.BytesIO(data), "x")
    nested = b"\x1c" * 5000
    with pytest.raises(ManifestError, match="footer"):
        chunks(io.BytesIO(b"PAR1" + nested + len(nested).to_bytes(4, "little") + b"PAR1"), "x")


# Found by bench/fuzz.py: the name of a binary column is the byte 255; no single wrong byte does that. zlib, base64.
NAMELESS = (
    "eNp9kjtLA0EQx2c26xolSAzOcgtXXKHLBXxEIcHCxkZQrhBbsTjlUCGP8xJfYKGtWFtbWIjY2ogfwQ9h4deQOHchJkjwuJu925n57X9mbnt9"
    "Z5kkzZANeIESwLdXvAEQu3sAoCDHNjfOxskj9K7paTb+69K3N7HJgWmYQAWcPkluQCKjZP6xMkCa1SWgEs3Ok6IiP8qtgY9dB7sDVOWXhRnL"
    "3FXBUe2Do6gRUh6oMCccFSetRtyZg8DlwKpwJImuCtbSD+nI+nG7Q/1V9FLGo3rUiJpDOdhMfZJ9GPZicB+0Mq4JLLhUMFVQRdM/iwpa6Sv9"
    "gHbL5jPZlw5esGwzn7YrRQHXJGCNEcpY7hjAEGdVdsLDdiapL4WmGHmN+hHtJ9ondGvSx5DVjKQKYxWYDSGy5qRk2SP72MQwk/eOmkG3Ofsh"
    "3MGUBm8a/BG7o04rK1ODvyVwf7JjEn2P9kvaFzk8vv/6oJ+lVjav38bA9+IwOTmNOgsHcbwQJknr3DuLkvZxq+mt1BYri8smHdDvDVwwbPO/"
    "+QOj8l3n"
)


def test_a_column_name_that_is_not_utf8_is_said() -> None:
    broken = zlib.decompress(base64.b64decode(NAMELESS))
    with pytest.raises(ManifestError, match="the name of a column is not UTF-8"):
        list(parquet_records(io.BytesIO(broken), "rows.parquet", ASSETS))
