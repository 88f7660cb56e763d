"""The two shapes of a shard file, WebDataset tar and Parquet: the same samples give the same bytes."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.samples import Sample

Shape = Literal["webdataset", "parquet"]
SUFFIX: dict[Shape, str] = {"webdataset": ".tar", "parquet": ".parquet"}
BLOCK = 512  # bytes, of a tar
ROW_GROUP = 1 << 20  # bytes of files, what a reader of one sample has to read along; a group costs 1.2 kB of footer
SCHEMA = pa.schema(
    [
        pa.field("sample", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("json", pa.string(), nullable=False),
        pa.field("files", pa.list_(pa.struct([pa.field("name", pa.string()), pa.field("data", pa.binary())]))),
    ]
)
# of a member without name and size, its checksum blank
EMPTY_HEADER = bytearray(tarfile.TarInfo().tobuf(tarfile.GNU_FORMAT))
EMPTY_HEADER[148:156] = b" " * 8
Files = Sequence[tuple[str, bytes]]  # (extension, content), sorted


class ShardFile(Protocol):
    """A shard that is being written to a local file."""

    def add(self, sample: Sample, files: Files) -> tuple[int, int]:
        """Where the sample lies: its offset (bytes in a tar, row in Parquet) and its bytes."""
        ...

    def close(self) -> None:
        """Finish the file; nothing the second time."""
        ...


class TarShard:
    """A tar as `webdataset` reads it: NAME.EXTENSION members side by side, no compression, no time, no owner."""

    def __init__(self, path: str) -> None:
        self._stream = open(path, "wb")  # noqa: PTH123, SIM115 - closed by `close`
        self._written = 0

    def add(self, sample: Sample, files: Files) -> tuple[int, int]:
        start, name = self._written, sample.name
        for extension, data in sorted([*files, ("json", sample.description())]):
            for block in (tar_header(f"{name}.{extension}", len(data)), data, bytes(-len(data) % BLOCK)):
                self._stream.write(block)
                self._written += len(block)
        return start, self._written - start

    def close(self) -> None:
        """Two empty blocks end a tar, filled up to a record of 20 blocks."""
        if not self._stream.closed:
            self._stream.write(bytes(-(self._written + 2 * BLOCK) % tarfile.RECORDSIZE + 2 * BLOCK))
            self._stream.close()


def tar_header(name: str, size: int) -> bytes:
    """The header of a member with mode 644, time, user and group 0, as `tarfile` writes it: 3 µs instead of 25.

    What does not fit the plain ustar header, a name over 100 bytes or 8 GiB and more, is left to `tarfile`.
    """
    encoded = name.encode()
    if len(encoded) > 100 or size >= 8**11:
        info = tarfile.TarInfo(name)
        info.size = size
        return info.tobuf(tarfile.GNU_FORMAT)
    header = bytearray(EMPTY_HEADER)
    header[: len(encoded)] = encoded
    header[124:135] = b"%011o" % size
    header[148:155] = b"%06o\0" % sum(header)  # with eight spaces in the checksum's place
    return bytes(header)


class ParquetShard:
    """A Parquet file with one row a sample, its files as a list of name and bytes."""

    def __init__(self, path: str) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._held = self._count = 0

    def add(self, sample: Sample, files: Files) -> tuple[int, int]:
        listed = [{"name": extension, "data": data} for extension, data in files]
        text = sample.description()
        said = {"sample": sample.name, "id": sample.id, "licence": sample.licence, "json": text.decode()}
        self._rows.append({**said, "files": listed})
        size = sum(len(data) for _, data in files) + len(text)
        self._held += size
        self._count += 1
        if self._held >= ROW_GROUP:
            self._flush()
        return self._count - 1, size

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=SCHEMA))
        self._rows, self._held = [], 0


def shard_file(shape: Shape, path: str) -> ShardFile:
    """A shard of this shape, to be written to a local path."""
    return TarShard(path) if shape == "webdataset" else ParquetShard(path)
