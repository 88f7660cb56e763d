"""A folder or a prefix of a bucket: files are put one after the other, a shard's marker after its shard."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from flows.push_places.protocol import PushFile
from manifests.lease import LOCK, Lease
from manifests.store import Store


class BucketPlace:
    """Anything that fsspec writes to: s3://BUCKET/PREFIX, another folder."""

    at_once = 3  # a shard, its index and its marker

    def __init__(self, uri: str) -> None:
        self.store, self.name = Store(uri), uri
        self._held = ExitStack()

    def open(self) -> None:
        """Raises LeaseError while another call writes there."""
        self._lease = self._held.enter_context(Lease(self.store))
        self._paths = set(self.store.list()) - {LOCK}

    def paths(self) -> set[str]:
        """The files that are there."""
        return self._paths

    def size(self, path: str) -> int | None:
        """Bytes of a file, None where there is none."""
        return self.store.size(path) if path in self._paths else None

    def holds(self, path: str, data: bytes) -> bool:
        """Whether a small file that is there has this content."""
        return self.store.read(path) == data

    def digest(self, path: str) -> str:
        """A bucket's checksums depend on how the parts were cut."""
        return ""

    def send(self, files: Sequence[PushFile], said: str) -> None:
        """One whole file after the other."""
        self._lease.check()
        for file in files:
            self.store.copy_file(file.path, file.local)

    def close(self) -> None:
        """Give the lease back."""
        self._held.close()
