"""Reads a ZIP with one model and the files beside it: materials and textures wherever in the archive they lie."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ml.asset import InputError
from ml.sources import Source

MAX_MEMBERS = 10_000
MAX_UNPACKED = 2 * 1024**3  # bytes read out of one archive, all reads together: a bomb ends here
MODELS = (".glb", ".gltf", ".usdz", ".usdc", ".usda", ".usd", ".fbx", ".obj", ".ply", ".stl", ".off")  # best first


@dataclass
class Archive:
    """An open archive and what may still be read of it."""

    file: zipfile.ZipFile
    uri: str
    left: int = MAX_UNPACKED

    def read(self, name: str, most: int) -> bytes:
        """A member's bytes; raises InputError `archive.*` or `input.too-large`, however small it claims to be."""
        most = min(most, self.left)
        try:
            with self.file.open(name) as stream:
                data = stream.read(most + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            kind = "archive.encrypted" if "password" in str(error) else "archive.broken"
            raise InputError(kind, f"{name} of {self.uri} cannot be unpacked: {error}") from error
        if len(data) > most:
            raise InputError("input.too-large", f"{name} of {self.uri} unpacks to more than {most} bytes")
        self.left -= len(data)
        return data


@dataclass(frozen=True)
class Member(Source):
    """A file of an archive; its siblings are found in the archive alone."""

    archive: Archive | None = field(default=None, compare=False)

    def read(self) -> bytes:
        """The whole file; raises InputError `archive.*` or `input.too-large`."""
        assert self.archive is not None
        return self.archive.read(self.uri, self.max_bytes)

    def sibling(self, relative: str) -> Source:
        """The file of that name beside this one, else the only one of its base name anywhere; `input.missing` when
        there is none. Exporters write the paths of the machine that they ran on, and packers sort files into folders.
        """
        assert self.archive is not None
        wanted = relative.replace("\\", "/")
        names = [name for name in self.archive.file.namelist() if not name.endswith("/")]
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(self.uri), wanted)).lower()
        base = posixpath.basename(wanted).lower()
        exact = [name for name in names if name.lower() == beside]
        found = exact or [name for name in names if posixpath.basename(name).lower() == base]
        if len(found) != 1:
            raise InputError("input.missing", f"{len(found)} files of {self.archive.uri} are called {base!r}")
        return replace(self, uri=found[0])


def open_model(data: bytes, source: Source) -> Member:
    """The model in a ZIP, the best format first and the largest file of it; a USDZ's own root layer is none.

    Raises InputError `archive.broken`, `archive.too-many` or `archive.no-model`.
    """
    try:
        file = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise InputError("archive.broken", f"{source.uri} is no ZIP that can be read: {error}") from error
    members = [each for each in file.infolist() if not each.is_dir() and not _hidden(each.filename)]
    if len(members) > MAX_MEMBERS:
        raise InputError("archive.too-many", f"{source.uri} holds {len(members)} files; the limit is {MAX_MEMBERS}")
    chosen = _best(members)
    if chosen is None:
        raise InputError("archive.no-model", f"{source.uri} holds no model that is read: {', '.join(MODELS)}")
    return Member(chosen, "", source.max_bytes, archive=Archive(file, source.uri))


def _best(members: Sequence[zipfile.ZipInfo]) -> str | None:
    for suffix in MODELS:
        found = [each for each in members if each.filename.lower().endswith(suffix)]
        if found:
            return max(found, key=lambda each: (each.file_size, each.filename)).filename
    return None


def _hidden(name: str) -> bool:
    """What file managers leave beside the files, as __MACOSX/._model.obj."""
    return name.startswith("__MACOSX/") or posixpath.basename(name).startswith("._")
