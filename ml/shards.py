"""Reads training shards (in a folder or under an fsspec URL) as a torch data set that resumes exactly."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from zipfile import BadZipFile

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from torch.utils.data import IterableDataset, get_worker_info

from ml.asset import InputError
from ml.parquet_rows import row_of

I64 = npt.NDArray[np.int64]
Sample: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Catalogue:
    """Where every sample of one split lies: (n,) shard numbers, byte offsets (rows of a Parquet shard) and lengths, in
    published order."""

    shards: tuple[str, ...]
    shard: npt.NDArray[np.int32]
    offset: I64
    bytes: I64

    def __len__(self) -> int:
        return len(self.shard)


def read_catalogue(url: str, split: str = "train", version: str = "") -> Catalogue:
    """The samples of a published version (the newest when none is named); 20 bytes of memory for each.

    Raises InputError `shard.version` where there is none of that name.
    """
    files, root = fsspec.core.url_to_fs(url)
    entries = [each for each in _version(files, root, version)["shards"] if each["split"] == split]
    numbers, offsets, lengths = [np.empty(0, np.int32)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for number, each in enumerate(entries):
        name = each["path"].rpartition(".")[0].replace("/", "-")
        data = io.BytesIO(files.cat_file(f"{root}/index/{name}.parquet"))
        table = pq.read_table(data, columns=["offset", "bytes"])
        numbers.append(np.full(table.num_rows, number, np.int32))
        offsets.append(table.column("offset").to_numpy())
        lengths.append(table.column("bytes").to_numpy())
    places = (np.concatenate(numbers), np.concatenate(offsets), np.concatenate(lengths))
    return Catalogue(tuple(each["path"] for each in entries), *places)


def _version(files: Any, root: str, name: str) -> dict[str, Any]:
    try:
        paths = sorted(files.find(f"{root}/versions"))
    except FileNotFoundError:
        paths = []
    found = [json.loads(files.cat_file(path)) for path in paths if path.endswith(".json")]
    chosen = [each for each in found if not name or each["version"] == name]
    if not chosen:
        known = ", ".join(each["version"] for each in found) or "none"
        raise InputError("shard.version", f"{root} has no version {name!r}; there are: {known}")
    newest: dict[str, Any] = max(chosen, key=lambda each: int(each["number"]))
    return newest


def epoch_order(shard: npt.NDArray[np.int32], seed: int, epoch: int, window: int) -> I64:
    """(n,) which sample comes when: shards in random order, then samples within windows of `window` samples.

    A window of 1 or less keeps the published order. The first window is cut at random, so that the borders of the
    others move from epoch to epoch. A pure function of its arguments: every rank and worker computes the same.
    """
    order = np.arange(len(shard))
    if window <= 1 or not len(shard):
        return order
    random = np.random.default_rng((seed, epoch))
    places = random.permutation(int(shard.max()) + 1)
    order = np.argsort(places[shard], kind="stable")
    first = int(random.integers(1, window + 1))
    for start, end in _windows(len(order), first, window):
        order[start:end] = random.permutation(order[start:end])
    return order


def _windows(count: int, first: int, window: int) -> Iterator[tuple[int, int]]:
    start, end = 0, first
    while start < count:
        yield start, min(end, count)
        start, end = end, end + window


def part_of(order: I64, rank: int, ranks: int) -> I64:
    """A rank's part: neighbours, so that it opens few shards; parts differ by at most one sample in length."""
    return order[len(order) * rank // ranks : len(order) * (rank + 1) // ranks]


def batches_of(part: I64, worker: int, workers: int, batch: int) -> I64:
    """A worker's share of a rank's part: batch 0 to the first, 1 to the second, …, as DataLoader asks its workers.

    So the loader gives the same batches in the same order whatever the number of workers.
    """
    mine: I64 = part[(np.arange(len(part)) // batch) % workers == worker]
    return mine


class ShardDataset(IterableDataset[Sample]):
    """Samples of one split, each exactly once an epoch over all ranks and workers.

    A sample is `{"__key__": name, extension: value}`, of tars and Parquet shards alike: npz as a dict of arrays, npy
    as an array, json as plain values, txt as text, everything else as bytes. Nothing is ever unpickled. Only places are
    shuffled and a sample's bytes are read when it is its turn, so the window costs no memory and a resume reads nothing
    twice.
    """

    def __init__(
        self,
        url: str,
        split: str = "train",
        version: str = "",
        *,
        batch: int = 1,
        window: int = 4096,
        seed: int = 0,
        rank: int = 0,
        ranks: int = 1,
        members: Collection[str] | None = None,
    ) -> None:
        """`batch` is the loader's batch size; `members` are the extensions to read, None for all.

        Raises ValueError for counts below 1 or a rank out of range; the catalogue's InputErrors.
        """
        if batch < 1 or ranks < 1 or not 0 <= rank < ranks:
            raise ValueError(f"batch {batch}, rank {rank} of {ranks}")
        self.url, self.batch, self.window, self.seed, self.rank, self.ranks = url, batch, window, seed, rank, ranks
        self.members = None if members is None else frozenset(members)
        self.catalogue = read_catalogue(url, split, version)
        self.epoch = self.start = self.given = 0

    def __len__(self) -> int:
        """Samples of this rank in a whole epoch."""
        return len(self.catalogue) * (self.rank + 1) // self.ranks - len(self.catalogue) * self.rank // self.ranks

    def set_epoch(self, epoch: int) -> None:
        """Begin this epoch at its start. Needed before each epoch with workers, which cannot tell the loader's copy."""
        self.epoch, self.start, self.given = epoch, 0, 0

    def state_dict(self) -> dict[str, int]:
        """Where this copy stands: after `given` samples of those from `start` on that are its own."""
        return {"epoch": self.epoch, "start": self.start, "given": self.given}

    def state_after(self, samples: int) -> dict[str, int]:
        """The state after a rank took so many samples of the epoch from a loader, whatever its number of workers."""
        return {"epoch": self.epoch, "start": samples, "given": 0}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a state of the same data set, version, seed, window and ranks."""
        self.epoch, self.start, self.given = state["epoch"], state["start"], state["given"]

    def __iter__(self) -> Iterator[Sample]:
        for place in self.order()[self.given :]:
            sample = self.read(int(place))
            self.given += 1  # before the sample goes out: whoever holds it has taken it
            yield sample
        self.set_epoch(self.epoch + 1)

    def order(self) -> I64:
        """The places of this copy's samples from `start` on."""
        part = part_of(epoch_order(self.catalogue.shard, self.seed, self.epoch, self.window), self.rank, self.ranks)
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        return batches_of(part[self.start :], number, workers, self.batch)

    def read(self, place: int) -> Sample:
        """One sample; raises InputError `shard.damaged` where its bytes are no whole sample."""
        start, size = int(self.catalogue.offset[place]), int(self.catalogue.bytes[place])
        name = self.catalogue.shards[self.catalogue.shard[place]]
        try:
            if name.endswith(".parquet"):
                return decode_row(row_of(self.url, name, start), self.members)
            files, root = fsspec.core.url_to_fs(self.url)  # cached by fsspec, for each process anew
            return decode(files.cat_file(f"{root}/{name}", start=start, end=start + size), self.members)
        except (tarfile.TarError, ValueError, KeyError, EOFError, BadZipFile, pa.ArrowException) as error:
            raise InputError("shard.damaged", f"{name}, sample at {start}: {error}") from error


def decode(data: bytes, members: Collection[str] | None = None) -> Sample:
    """A sample from its stretch of a tar; raises tarfile.ReadError for another stretch, ValueError for pickles."""
    sample: Sample = {}
    end = 0
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        for info in tar:
            end = info.offset_data + -(-info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
            sample["__key__"], _, extension = info.name.partition(".")
            if members is None or extension in members:
                content = data[info.offset_data : info.offset_data + info.size]
                sample[extension] = DECODERS.get(extension.rpartition(".")[2], bytes)(content)
    if end != len(data) or not sample:  # a tar reader takes zeros, and a cut, for its end
        raise tarfile.ReadError(f"its files take {end} of {len(data)} bytes")
    return sample


def decode_row(row: Mapping[str, Any], members: Collection[str] | None = None) -> Sample:
    """A sample from its row of a Parquet shard."""
    found = {"json": row["json"].encode(), **{file["name"]: file["data"] for file in row["files"]}}
    wanted = {name: data for name, data in found.items() if members is None or name in members}
    values = {name: DECODERS.get(name.rpartition(".")[2], bytes)(data) for name, data in wanted.items()}
    return {"__key__": row["sample"], **values}


def _npz(data: bytes) -> dict[str, npt.NDArray[Any]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _npy(data: bytes) -> Any:
    return np.load(io.BytesIO(data), allow_pickle=False)


DECODERS: dict[str, Callable[[bytes], Any]] = {"npz": _npz, "npy": _npy, "json": json.loads, "txt": bytes.decode}
