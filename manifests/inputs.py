"""Where a row's input files may lie: names resolved beside the manifest, confined to allowed roots, stamped."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import fsspec

from manifests.public_hosts import guard_http, refusal
from manifests.row import InputFile

guard_http()  # here, because every process that fetches anything imports this


class InputFault(ValueError):
    """An input file that cannot be used; `code` is the reason in the ledger."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def is_remote(uri: str) -> bool:
    """Whether a path is an fsspec URL of something else than the local disk."""
    return "://" in uri and not uri.startswith(("file://", "local://"))


def local_path(uri: str) -> str:
    """The plain path behind a local path or a file:// URL."""
    return uri.partition("://")[2] if uri.startswith(("file://", "local://")) else uri


class Inputs:
    """Resolves the file names of one manifest."""

    def __init__(self, manifest: str, roots: Sequence[str] | None = None) -> None:
        """`manifest` is its path or URL; its folder and `roots` (paths or URLs) are where files may lie."""
        if is_remote(manifest):
            scheme, _, path = manifest.partition("://")
            self.folder = _normal_url(f"{scheme}://{posixpath.dirname(path)}")
        else:
            self.folder = os.path.dirname(os.path.realpath(local_path(manifest)))  # noqa: PTH120
        self._real_folder = lru_cache(4096)(os.path.realpath)
        self.roots = tuple(dict.fromkeys([self.folder, *(_root(root) for root in roots or ())]))

    def find(self, name: str) -> InputFile:
        """The file a row names; raises InputFault `row.outside`, `row.missing-file` or `row.bad-value`."""
        if "::" in name or "\0" in name:
            raise InputFault("row.bad-value", f"{name!r} holds '::' or NUL, which no file name here may")
        joined = name if is_remote(name) or name.startswith(("file://", "local://")) else _join(self.folder, name)
        return self._find_remote(name, joined) if is_remote(joined) else self._find_local(name, local_path(joined))

    def _find_local(self, name: str, path: str) -> InputFile:
        real = self._real_path(path)
        root = self._root_of(real, name)
        try:
            info = os.stat(real)  # noqa: PTH116 - a Path would double the cost of a row
        except OSError as error:
            raise InputFault("row.missing-file", f"{name!r} cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(info.st_mode):
            raise InputFault("row.missing-file", f"{name!r} is not a regular file")
        return InputFile(real, root, real[len(root) :].lstrip("/"), f"{info.st_size}:{info.st_mtime_ns}")

    def _real_path(self, path: str) -> str:
        """As `os.path.realpath`, which looks at each folder on the way; rows share theirs, so each is followed once."""
        folder, last = os.path.split(path)
        real = f"{self._real_folder(folder).rstrip('/')}/{last}"
        return os.path.realpath(path) if last in ("", ".", "..") or os.path.islink(real) else real  # noqa: PTH114

    def _find_remote(self, name: str, url: str) -> InputFile:
        location = _normal_url(url)
        root = self._root_of(location, name)
        # A server decodes %2E%2E, so the decoded form has to lie inside as well.
        self._root_of(_normal_url(unquote(url)), name)
        try:
            info = _filesystem(location.partition("://")[0]).info(location)
        except Exception as error:  # whatever a store's client raises
            if refused := refusal(error):
                raise InputFault("row.outside", f"{name!r}: {refused}") from error
            raise InputFault("row.missing-file", f"{name!r} cannot be read: {error}") from error
        if info.get("type") == "directory":
            raise InputFault("row.missing-file", f"{name!r} is not a file")
        return InputFile(location, root, location[len(root) :].lstrip("/"), _remote_stamp(info))

    def _root_of(self, location: str, name: str) -> str:
        for root in self.roots:
            if location.startswith(root if root.endswith("/") else root + "/"):
                return root
        raise InputFault("row.outside", f"{name!r} lies outside {', '.join(self.roots)}")


def _join(folder: str, name: str) -> str:
    """`name` beside `folder`; absolute local names stand for themselves, and below a URL they cannot exist."""
    return posixpath.join(folder, name.lstrip("/")) if is_remote(folder) else posixpath.join(folder, name)


def _root(root: str) -> str:
    return _normal_url(root) if is_remote(root) else os.path.realpath(local_path(root))


def _normal_url(url: str) -> str:
    scheme, _, path = url.partition("://")
    return f"{scheme}://{posixpath.normpath(path.lstrip('/')) if path.strip('/') else ''}"


@lru_cache(maxsize=16)
def _filesystem(scheme: str) -> Any:
    return fsspec.filesystem(scheme)


def _remote_stamp(info: Mapping[str, Any]) -> str:
    """Size with the first of ETag, git's digest and modification time that the file system tells."""
    for key in ("ETag", "etag", "blob_id", "LastModified", "mtime", "created"):
        if info.get(key):
            return f"{info.get('size')}:{info[key]}"
    return f"{info.get('size')}:"
