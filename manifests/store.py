"""The store: every file of a run under one root, local or remote, whole or absent at any instant."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import fsspec

from manifests.backends import TEMP, Backend, LocalFolder, ObjectStore
from manifests.errors import StoreError
from manifests.inputs import is_remote, local_path


class Store:
    """Files by relative path under `uri` (a folder, s3://…, memory://…); picklable, threads may share one."""

    def __init__(self, uri: str) -> None:
        self.uri = uri if is_remote(uri) else os.path.abspath(local_path(uri))  # noqa: PTH100

    def __reduce__(self) -> tuple[Any, ...]:
        return Store, (self.uri,)

    def __repr__(self) -> str:
        return f"Store({self.uri!r})"

    @cached_property
    def backend(self) -> Backend:
        """Connected on first use, so that a pickled store connects where it lands."""
        if not is_remote(self.uri):
            return LocalFolder(self.uri)
        filesystem, root = fsspec.core.url_to_fs(self.uri)
        return ObjectStore(filesystem, root)

    def put(self, path: str, data: bytes, durable: bool = False) -> None:
        """Write a whole file, atomically; `durable` also waits until a power cut could not lose it (about 8 ms)."""
        self.backend.put(_inside(path), data, durable)

    def put_file(self, path: str, local: str) -> None:
        """Move a finished local file to `path`, atomically and durably; it is gone from where it was."""
        self.backend.put_file(_inside(path), local)

    def copy_file(self, path: str, local: str) -> None:
        """Write a whole file, atomically and durably, from a local one that stays where it is."""
        self.backend.copy_file(_inside(path), local)

    def scratch(self) -> str:
        """A local folder for files that are still being written, on the same disk where the store is local."""
        return self.backend.scratch()

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Write a whole file unless it exists; of several writers exactly one gets True."""
        return self.backend.put_if_absent(_inside(path), data)

    def put_content(self, data: bytes, suffix: str = "") -> str:
        """Keep bytes under their sha256 and return it; bytes already there are not written again."""
        digest = hashlib.sha256(data).hexdigest()
        path = content_path(digest, suffix)
        if self.size(path) != len(data):
            self.put(path, data)
        return digest

    def get_content(self, digest: str, suffix: str = "") -> bytes:
        """Bytes by digest; raises StoreError when they are other bytes, FileNotFoundError when there are none."""
        data = self.read(content_path(digest, suffix))
        if hashlib.sha256(data).hexdigest() != digest:
            raise StoreError(f"{content_path(digest, suffix)} holds {len(data)} bytes with another digest")
        return data

    def read(self, path: str) -> bytes:
        """A whole file; raises FileNotFoundError."""
        return self.backend.read(_inside(path))

    def read_many(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Several whole files, fetched at once where the store can; missing ones are left out."""
        return self.backend.read_many([_inside(path) for path in paths])

    def exists(self, path: str) -> bool:
        """Whether there is a file of this path."""
        return self.size(path) is not None

    def size(self, path: str) -> int | None:
        """Bytes of a file, None when there is none."""
        return self.backend.size(_inside(path))

    def list(self, prefix: str = "") -> Iterator[str]:
        """Paths of all files below a folder, at any depth; none when there is no such folder."""
        return self.backend.list(_inside(prefix) if prefix else "")

    def delete(self, path: str) -> None:
        """Remove a file, if it is there."""
        self.backend.delete(_inside(path))

    def delete_tree(self, prefix: str) -> None:
        """Remove a folder with all below it, if it is there."""
        self.backend.delete_tree(_inside(prefix))

    def sweep(self) -> int:
        """Remove what writers killed over an hour ago left unfinished; how many files that were."""
        return self.backend.sweep()

    def uri_of(self, path: str) -> str:
        """The absolute path or URL of a file."""
        return self.backend.uri_of(_inside(path))


def content_path(digest: str, suffix: str = "") -> str:
    """Where content of this digest lies: store/ab/abcdef….glb."""
    return f"store/{digest[:2]}/{digest}{suffix}"


def _inside(path: str) -> str:
    """The path without a closing slash; raises StoreError when it could leave the root or meet temporary files."""
    parts = path.rstrip("/").split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts) or parts[0] == TEMP:
        raise StoreError(f"{path!r} is no path inside the store")
    return "/".join(parts)
