"""The images beside or inside an exported file: each content once, under a name of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tasks.outputs import OutputFile

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg"}


def file_name(text: str, default: str) -> str:
    """`text` with everything but letters, digits, `.`, `-` and `_` made `_`: safe in an MTL line and on every disk."""
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII).strip("._") or default


def unique_name(text: str, taken: set[str], default: str) -> str:
    """`file_name(text)`, numbered where it is taken already; case does not distinguish names on every disk."""
    base = name = file_name(text, default)
    count = 1
    while name.lower() in taken:
        count += 1
        name = f"{base}_{count}"
    taken.add(name.lower())
    return name


@dataclass
class ImageFiles:
    """Images of one export; its levels share it, so that maps that differ between levels get different names."""

    files: list[OutputFile] = field(default_factory=list)
    _names: dict[bytes, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def name(self, data: bytes, mime: str, text: str) -> str:
        """The image's file name, made of `text` when its content is first met."""
        if data not in self._names:
            kind = EXTENSIONS[mime]
            self._names[data] = f"{unique_name(text, self._taken, 'texture')}.{kind}"
            self.files.append(OutputFile(self._names[data], kind, 0, data))
        return self._names[data]
