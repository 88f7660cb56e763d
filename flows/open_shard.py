"""A shard on its way: the files of its samples, what is written of them, and what it says of itself once it is full."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from manifests.samples import Sample
from manifests.shard_files import Files, Shape, shard_file
from manifests.shard_folder import Stats
from manifests.store import Store


def read_files(source: Store, sample: Sample) -> Files | str:
    """The sample's files; `output.missing` or `output.differs` where they are not what the ledger says."""
    found = source.read_many([member.uri for member in sample.members])
    files = []
    for member in sample.members:
        data = found.get(member.uri)
        if data is None:
            return "output.missing"
        if hashlib.sha256(data).hexdigest() != member.sha256:
            return "output.differs"
        files.append((member.extension, data))
    return files


class OpenShard:
    """A shard that is being written to the scratch folder."""

    def __init__(self, name: str, shape: Shape, folder: str) -> None:
        self.name = name
        self.local = str(Path(folder, name.replace("/", "-")))
        self.file = shard_file(shape, self.local)
        self.index: list[dict[str, Any]] = []
        self.held = 0  # bytes of files
        self.members: Counter[str] = Counter()

    def add(self, sample: Sample, files: Files) -> None:
        """Write one sample."""
        offset, size = self.file.add(sample, files)
        self.held += sum(len(data) for _, data in files)
        self.members.update(extension for extension, _ in files)
        place = {"shard": self.name, "offset": offset, "bytes": size}
        said = {"id": sample.id, "key": sample.key, "sample": sample.name, "licence": sample.licence}
        self.index.append({**said, **place, "split": sample.split, "metrics": sample.metrics})

    def abandon(self) -> None:
        """Remove the unfinished file."""
        self.file.close()
        Path(self.local).unlink(missing_ok=True)

    def close(self) -> Stats:
        """Finish the file; what it holds."""
        self.file.close()
        with open(self.local, "rb") as stream:  # noqa: PTH123
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return Stats(
            shard=self.name,
            split=self.index[0]["split"],
            samples=len(self.index),
            bytes=Path(self.local).stat().st_size,
            sha256=digest,
            licences=dict(sorted(Counter(entry["licence"] for entry in self.index).items())),
            metrics=spans([entry["metrics"] for entry in self.index]),
            members=dict(sorted(self.members.items())),
        )


def spans(metrics: list[Mapping[str, float]]) -> dict[str, list[float]]:
    """Least, mean and greatest of every measure, over the samples that have a finite value of it."""
    values: dict[str, list[float]] = {}
    for each in metrics:
        for name, value in each.items():
            if np.isfinite(value):
                values.setdefault(name, []).append(value)
    return {name: [min(all), sum(all) / len(all), max(all)] for name, all in sorted(values.items())}
