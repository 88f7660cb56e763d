"""Compares the signatures that adapters call with the sources they come from, and records them.

    python infra/check_signatures.py DIR            what differs from the record; ends with 1 if anything does
    python infra/check_signatures.py DIR --write    write the record anew, with revisions and date

DIR holds a clone of each repository as DIR/owner/name, or as DIR/owner+name/repo without a work tree; what is installed
as a package is read from there. Sources that are not in DIR are left as they are.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parents[1] / "ml" / "generators" / "pretrained" / "signatures.json"


class Source:
    """A repository's files at its newest commit, or an installed package's."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        places = (folder / name / ".git", folder / name.replace("/", "+") / "repo")
        self.git = next((place for place in places if place.exists()), None)

    def there(self) -> bool:
        """Whether it can be read here."""
        return self.git is not None or ("/" not in self.name and importlib.util.find_spec(self.name) is not None)

    def revision(self) -> tuple[str, str]:
        """Commit and its day, or version and nothing."""
        if self.git is None:
            return version(self.name), ""
        commit, day = self._git("log", "-1", "--format=%H %cs").split()
        return commit, day

    def text(self, path: str) -> str:
        """A file's text."""
        if self.git is not None:
            return self._git("show", f"HEAD:{path}")
        spec = importlib.util.find_spec(self.name)
        assert spec is not None
        assert spec.origin is not None
        return (Path(spec.origin).parents[1] / path).read_text()

    def _git(self, *arguments: str) -> str:
        command = ["git", f"--git-dir={self.git}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def signature(source: str, name: str) -> str:
    """The parameters of `Class.method` or of a function, without self and cls, each default as `...`."""
    body: list[Any] = ast.parse(source).body
    *outer, last = name.split(".")
    for each in outer:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == each)
    found = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == last]
    if not found:
        raise LookupError(f"no {name}")
    return f"({', '.join(_parameters(found[-1], bound=bool(outer)))})"


def _parameters(function: ast.FunctionDef, bound: bool) -> Iterator[str]:
    static = any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in function.decorator_list)
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    without = len(plain) - len(arguments.defaults)
    for at, each in enumerate(plain):
        if at or static or not bound:
            yield each.arg + ("=..." if at >= without else "")
    if arguments.vararg:
        yield f"*{arguments.vararg.arg}"
    elif arguments.kwonlyargs:
        yield "*"
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield each.arg + ("=..." if default is not None else "")
    if arguments.kwarg:
        yield f"**{arguments.kwarg.arg}"


def read(source: Source, calls: dict[str, str]) -> dict[str, str]:
    """The calls as the source has them now; one that is gone is "gone"."""
    found = {}
    for call in calls:
        path, _, name = call.partition(":")
        try:
            found[call] = signature(source.text(path), name)
        except (LookupError, StopIteration, OSError, subprocess.CalledProcessError):
            found[call] = "gone"
    return found


def main() -> int:
    """Compare, or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sources", type=Path, help="folder of clones")
    parser.add_argument("--write", action="store_true", help="record what is there now")
    options = parser.parse_args()
    record = json.loads(RECORD.read_text())
    differs = False
    for name, known in record["sources"].items():
        source = Source(name, options.sources)
        try:
            if not source.there():
                print(f"{name}: not here")
                continue
            revision, day = source.revision()
        except PackageNotFoundError:
            continue
        found = read(source, known["calls"])
        changed = {call: now for call, now in found.items() if now != known["calls"][call]}
        differs |= bool(changed)
        print(f"{name} {revision[:12]}: {len(found) - len(changed)} of {len(found)} as recorded")
        for call, now in changed.items():
            print(f"  {call}\n    was {known['calls'][call]}\n    is  {now}")
        known.update(revision=revision, committed=day, calls=found)
    if options.write:
        record["read"] = datetime.now(UTC).date().isoformat()
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
    return int(differs and not options.write)


if __name__ == "__main__":
    sys.exit(main())
