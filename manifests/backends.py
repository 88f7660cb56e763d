"""Where the store's bytes lie: a local folder, or an object store behind fsspec; both write whole files or nothing."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

from manifests.media_types import media_type

TEMP = ".tmp"  # one folder, so that sweeping costs nothing however many assets there are
STALE_SECONDS = 3600.0
_counter = itertools.count()


class Backend(Protocol):
    """Whole-file operations on relative paths that are already checked."""

    def put(self, path: str, data: bytes, durable: bool) -> None: ...
    def put_file(self, path: str, local: str) -> None: ...
    def copy_file(self, path: str, local: str) -> None: ...
    def scratch(self) -> str: ...
    def put_if_absent(self, path: str, data: bytes) -> bool: ...
    def read(self, path: str) -> bytes: ...
    def read_many(self, paths: Sequence[str]) -> dict[str, bytes]: ...
    def size(self, path: str) -> int | None: ...
    def list(self, prefix: str) -> Iterator[str]: ...
    def delete(self, path: str) -> None: ...
    def delete_tree(self, prefix: str) -> None: ...
    def sweep(self) -> int: ...
    def uri_of(self, path: str) -> str: ...


class LocalFolder:
    """A folder: written to a temporary file on the same disk, then renamed, which POSIX makes atomic."""

    def __init__(self, root: str) -> None:
        self.root = root

    def put(self, path: str, data: bytes, durable: bool) -> None:
        target = self._target(path)
        temp = self._temp(data, durable)
        try:
            _with_folder(target, lambda: os.replace(temp, target))  # noqa: PTH105
        except BaseException:
            _remove(temp)
            raise
        if durable:
            _sync_folder(os.path.dirname(target))  # noqa: PTH120

    def put_file(self, path: str, local: str) -> None:
        """Move a file of `scratch` into place once its bytes are on the disk."""
        target = self._target(path)
        descriptor = os.open(local, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _with_folder(target, lambda: os.replace(local, target))  # noqa: PTH105
        _sync_folder(os.path.dirname(target))  # noqa: PTH120

    def copy_file(self, path: str, local: str) -> None:
        temp = f"{self.scratch()}/{os.getpid()}-{time.time_ns()}-{next(_counter)}"
        try:
            shutil.copyfile(local, temp)
            self.put_file(path, temp)
        finally:
            _remove(temp)

    def scratch(self) -> str:
        folder = f"{self.root}/{TEMP}"
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        return folder

    def put_if_absent(self, path: str, data: bytes) -> bool:
        target = self._target(path)
        temp = self._temp(data, durable=True)
        try:
            # link(2) fails when the name exists, so of several writers exactly one wins, with its whole content.
            _with_folder(target, lambda: os.link(temp, target))
        except FileExistsError:
            return False
        finally:
            _remove(temp)
        return True

    def read(self, path: str) -> bytes:
        with open(self._target(path), "rb") as stream:  # noqa: PTH123
            return stream.read()

    def read_many(self, paths: Sequence[str]) -> dict[str, bytes]:
        found = {}
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                found[path] = self.read(path)
        return found

    def size(self, path: str) -> int | None:
        try:
            info = os.stat(self._target(path))  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            return None
        return info.st_size if stat.S_ISREG(info.st_mode) else None

    def list(self, prefix: str) -> Iterator[str]:
        top = self._target(prefix) if prefix else self.root
        for folder, folders, files in os.walk(top):
            folders[:] = sorted(name for name in folders if not (folder == self.root and name == TEMP))
            relative = os.path.relpath(folder, self.root)
            for name in sorted(files):
                yield name if relative == "." else f"{relative}/{name}"

    def delete(self, path: str) -> None:
        _remove(self._target(path))

    def delete_tree(self, prefix: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._target(prefix))

    def sweep(self) -> int:
        """Remove temporary files of writers killed more than an hour ago."""
        removed = 0
        for temp in Path(self.root, TEMP).glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - temp.stat().st_mtime > STALE_SECONDS:
                    temp.unlink()
                    removed += 1
        return removed

    def uri_of(self, path: str) -> str:
        return self._target(path)

    def _target(self, path: str) -> str:
        return f"{self.root}/{path}"

    def _temp(self, data: bytes, durable: bool) -> str:
        temp = f"{self.root}/{TEMP}/{os.getpid()}-{time.time_ns()}-{next(_counter)}"
        descriptor = _with_folder(temp, lambda: os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        with open(descriptor, "wb") as stream:  # noqa: PTH123
            stream.write(data)
            if durable:
                stream.flush()
                os.fsync(descriptor)
        return temp


def _with_folder(path: str, action: Any) -> Any:
    """The action, with the folder of `path` made only when it turns out to be missing."""
    try:
        return action()
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        return action()


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class ObjectStore:
    """An fsspec object store, where one PUT is atomic by nature.

    S3 says 403 of a file that is not there to whoever may not list the whole bucket, as a tenant of one prefix: then a
    listing of that name, which he may ask for, decides.
    """

    def __init__(self, filesystem: Any, root: str) -> None:
        self.filesystem = filesystem
        self.root = root.rstrip("/")

    def put(self, path: str, data: bytes, durable: bool) -> None:
        self.filesystem.pipe_file(self._key(path), data, **self._kind(path))

    def put_file(self, path: str, local: str) -> None:
        """Upload a file; in parts where it is large, which no reader sees before the last has arrived."""
        self.copy_file(path, local)
        _remove(local)

    def copy_file(self, path: str, local: str) -> None:
        self.filesystem.put_file(local, self._key(path), **self._kind(path))

    def scratch(self) -> str:
        """The same folder for every process that writes to this prefix, so that a restart finds what a kill left."""
        name = blake2b(self.root.encode(), digest_size=8).hexdigest()
        folder = f"{tempfile.gettempdir()}/meshmill-{os.getuid()}-{name}"
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
        return folder

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """A conditional PUT (`If-None-Match: *`); s3fs reports the lost race, a 412, as OSError(EINVAL).

        For small files only: servers ignore the condition when a multipart upload completes.
        """
        try:
            self.filesystem.pipe_file(self._key(path), data, mode="create")
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno == errno.EINVAL and self.size(path) is not None:
                return False
            raise
        return True

    def read(self, path: str) -> bytes:
        try:
            data: bytes = self.filesystem.cat_file(self._key(path))
        except PermissionError:
            if self._listed_size(path) is None:
                raise FileNotFoundError(self.uri_of(path)) from None
            raise
        return data

    def read_many(self, paths: Sequence[str]) -> dict[str, bytes]:
        keys = {self._key(path): path for path in paths}
        if not keys:
            return {}
        found = self.filesystem.cat(list(keys), on_error="omit")
        return {keys[key if key in keys else f"/{key.lstrip('/')}"]: data for key, data in found.items()}

    def size(self, path: str) -> int | None:
        self.filesystem.invalidate_cache()
        try:
            info = self.filesystem.info(self._key(path))
        except FileNotFoundError:
            return None
        except PermissionError:
            return self._listed_size(path)
        return None if info["type"] == "directory" else int(info["size"])

    def list(self, prefix: str) -> Iterator[str]:
        self.filesystem.invalidate_cache()
        try:
            keys = self.filesystem.find(self._key(prefix))
        except FileNotFoundError:
            return
        except PermissionError:
            if self._first(f"{self._key(prefix)}/"):
                raise
            return
        for key in sorted(keys):
            yield key[len(self.root) :].lstrip("/")

    def delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.filesystem.rm_file(self._key(path))

    def delete_tree(self, prefix: str) -> None:
        for path in list(self.list(prefix)):
            self.delete(path)

    def sweep(self) -> int:
        return 0

    def uri_of(self, path: str) -> str:
        uri: str = self.filesystem.unstrip_protocol(self._key(path))
        return uri

    def _listed_size(self, path: str) -> int | None:
        """Bytes of the file as a listing has it, None where it has none; raises PermissionError."""
        found = self._first(self._key(path))
        named = f"{found['Bucket']}/{found['Key']}" if found else ""
        return int(found["Size"]) if found and named == self._key(path) else None

    def _first(self, prefix: str) -> dict[str, Any] | None:
        """The first object of S3 whose name begins so; raises PermissionError, also where it cannot be asked."""
        if "s3" not in self.filesystem.protocol:
            raise PermissionError(prefix)
        bucket, _, key = prefix.partition("/")
        found = self.filesystem.call_s3("list_objects_v2", Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", ())
        return {**found[0], "Bucket": bucket} if found else None

    def _kind(self, path: str) -> dict[str, str]:
        """What S3 is told of a file, so that a browser shows a page instead of saving it."""
        return {"ContentType": media_type(path)} if "s3" in self.filesystem.protocol else {}

    def _key(self, path: str) -> str:
        return f"{self.root}/{path}".rstrip("/")
