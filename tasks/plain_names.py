"""Names as formats with free-text names hold them: printable UTF-8, never empty, none twice in a file."""

from __future__ import annotations

import unicodedata


def plain_name(text: str, default: str) -> str:
    """`text` without control characters, line breaks and lone surrogates; `default` where nothing is left."""
    kept = "".join(
        c for c in text if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") and c not in "\ufffe\uffff"
    )
    return kept.strip() or default


def distinct_name(text: str, taken: set[str], default: str) -> str:
    """`plain_name(text)`, numbered where it is in `taken` already, to which it is added.

    Importers number a second node of a name themselves, each differently, and LOD and collision names then fail to
    match.
    """
    return numbered(plain_name(text, default), taken)


def numbered(base: str, taken: set[str]) -> str:
    """`base`, with a number behind it where it is in `taken` already, to which it is added."""
    name, count = base, 1
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    taken.add(name)
    return name
