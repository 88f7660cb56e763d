"""Where a generator's input files come from: bytes behind a URI, confined to a root, bounded in size."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass, field, replace
from pathlib import Path

import fsspec

from ml.asset import InputError


@dataclass(frozen=True)
class Source:
    """One input file: `uri` is a local path or an fsspec URL that lies under `root`; picklable, opened on demand."""

    uri: str
    root: str
    max_bytes: int = 512 * 1024 * 1024
    sha256: str = ""  # that the manifest says it has, in hexadecimal digits; "" where it says nothing
    data: bytes | None = field(default=None, repr=False, compare=False)  # the file, where it was read before

    @property
    def suffix(self) -> str:
        """Lower-case file extension with its dot."""
        return posixpath.splitext(self.uri)[1].lower()

    def read(self) -> bytes:
        """The whole file; raises InputError `input.missing`, `input.too-large` or `input.unreadable`.

        `input.digest-differs` where it is not the file whose sha256 the manifest gives: tables outlive their files.
        """
        if self.data is not None:
            return self.data
        try:
            with fsspec.open(self.uri, "rb") as stream:
                data: bytes = stream.read(self.max_bytes + 1)
        except MemoryError:
            raise
        except Exception as error:  # a store's client raises what it likes: aiohttp's answer of 500 is no OSError
            raise _unread(self.uri, error) from error
        if len(data) > self.max_bytes:
            raise InputError("input.too-large", f"{self.uri} is larger than {self.max_bytes} bytes")
        if self.sha256 and (found := hashlib.sha256(data).hexdigest()) != self.sha256.lower():
            message = f"{self.uri} has the sha256 {found}; the manifest says {self.sha256}"
            raise InputError("input.digest-differs", message)
        return data

    def held(self) -> Source:
        """The same with the file in memory; as it is where the file cannot be read, for `read` to say why."""
        try:
            return replace(self, data=self.read())
        except InputError:
            return self

    def sibling(self, relative: str) -> Source:
        """A file named from inside this one (a texture, a .bin); raises InputError `input.outside` when it escapes."""
        return resolve(relative, posixpath.dirname(self.uri), self.root, self.max_bytes)


def _unread(uri: str, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        cause = error.__cause__  # fsspec says a connection that was refused as a file that is not there
        why = f": {getattr(cause, 'os_error', cause)}" if cause else ""
        return InputError("input.missing", f"no such file: {uri}{why}")
    return InputError("input.unreadable", f"{uri}: {error}")


def resolve(name: str, folder: str, root: str, max_bytes: int = 512 * 1024 * 1024) -> Source:
    """The source `name` means beside `folder`, which must lie under `root` after links and `..` are followed."""
    if "\0" in name or "::" in name:
        raise InputError("input.outside", f"{name!r} holds NUL or '::', which no file name here may")
    remote = "://" in folder or "://" in name
    joined = name if "://" in name else posixpath.join(folder, name)
    if remote:
        scheme, _, path = joined.partition("://")
        location = f"{scheme}://{posixpath.normpath(path)}"
        inside = location.startswith(root.rstrip("/") + "/")
    else:
        location = str(Path(joined).resolve())
        inside = Path(location).is_relative_to(Path(root).resolve())
    if not inside:
        raise InputError("input.outside", f"{name!r} lies outside the input folder {root}")
    return Source(location, root, max_bytes)
