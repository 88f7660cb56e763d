"""The `command` generator: any program makes the assets, asked and answering through a folder of files.

The contract. The program is called with one folder. `request.json` in it holds

    {"version": 1, "rows": [{"id", "seed", "prompt", "negatives", "category", "style",
                             "image", "images", "sketch", "mesh", "out"}]}

where `image`, `sketch` and `mesh` are paths of files ("" where there is none), `images` is a list of them, and `out` is
a folder of the row's own that exists. The program writes `response.json` beside it,

    {"rows": [{"id", "mesh"} or {"id", "refused", "message"} or {"id", "failed", "message"}]}

with `mesh` the path of a GLB, glTF, OBJ, PLY, STL or OFF file, Y up and front +Z, `refused` a code of a refusal that
another seed would not change, and `failed` a code of what else went wrong. Beside `mesh` there may be `notes`, texts by
name for the ledger, and `pictures`, paths of PNG files that were drawn on the way. All these files lie in the folder.
In mode `once` the program is started for each batch and ends with 0. In mode `serve` it is started once without a
folder, reads folders from its standard input, one a line, and answers each with a line that holds that folder.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from ml.asset import InputError, Texture
from ml.generators.program import Once, Program, ProgramFailed, Serve
from ml.generators.protocol import IMAGE, IN_ACTOR, Answer, InputKind, Refusal, Request
from ml.readers.registry import read_mesh
from ml.sources import Source, resolve

VERSION = 1
REQUEST, RESPONSE, LOG = "request.json", "response.json", "log.txt"


@dataclass(frozen=True)
class CommandOptions:
    """Which program, and how long it may take."""

    digest_when_set: ClassVar[bool] = True

    command: tuple[str, ...] = field(default=(), metadata={"help": "program and arguments; the folder comes last"})
    python: str = field(default="", metadata={"help": "interpreter the command is run with, of any environment"})
    in_actor: bool = field(default=False, metadata={"help": IN_ACTOR})
    image: str = field(default="", metadata={"help": IMAGE})
    mode: Literal["once", "serve"] = "once"
    seconds: float = field(default=600.0, metadata={"min": 0.1, "max": 86400.0, "help": "a row, before it is killed"})
    batch: int = field(default=8, metadata={"min": 1, "max": 1024, "help": "rows a call"})
    gpus: float = field(default=0.0, metadata={"min": 0.0, "max": 64.0, "help": "that Ray sets aside for it"})
    version: str = field(default="", metadata={"help": "of the program: another one makes the rows anew"})


class Command:
    """Asks a program. When it dies, hangs or answers nonsense, its batch's rows are tried alone, so that one row does
    not cost its neighbours; what it printed stands in the message."""

    name: ClassVar[str] = "command"
    version: ClassVar[str] = "1"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("prompt", "image", "images", "sketch", "mesh"))
    gpus: ClassVar[float] = 0.0
    own_process: ClassVar[bool] = True

    def __init__(self, options: CommandOptions = CommandOptions(), label: str = "command") -> None:
        self.options, self.label = options, label
        started = ((options.python,) if options.python else ()) + options.command
        self.program: Program = (Serve if options.mode == "serve" else Once)(started)

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer a request: `command.failed`, `command.timeout` or `command.bad-answer` for what goes wrong."""
        if not self.options.command:
            raise InputError("model.missing-program", "[generator.command] names no command")
        size = self.options.batch
        batches = [requests[start : start + size] for start in range(0, len(requests), size)]
        return [answer for batch in batches for answer in self._batch(batch)]

    def _batch(self, requests: Sequence[Request]) -> list[Answer]:
        with tempfile.TemporaryDirectory(prefix="meshmill-command-") as place:
            folder = Path(place).resolve()
            rows, unusable = self._written(folder, requests)
            try:
                if rows:
                    self.program.run(folder, folder / LOG, self.options.seconds * len(rows))
                found = self._answers(folder) if rows else {}
            except ProgramFailed as error:
                if len(requests) > 1:
                    return [answer for request in requests for answer in self._batch([request])]
                return [InputError(error.code, f"{self.label}: {error}")]
            return [
                unusable[at] if at in unusable else self._answer(folder, request, found.get(row_name(at)))
                for at, request in enumerate(requests)
            ]

    def _written(self, folder: Path, requests: Sequence[Request]) -> tuple[list[dict[str, Any]], dict[int, InputError]]:
        """The request as a file; rows whose inputs cannot be read are left out of it."""
        rows, unusable = [], {}
        for at, request in enumerate(requests):
            try:
                rows.append(row_of(request, row_name(at), folder))
            except InputError as error:
                unusable[at] = error
        (folder / REQUEST).write_text(json.dumps({"version": VERSION, "rows": rows}))
        return rows, unusable

    def _answers(self, folder: Path) -> dict[str, Mapping[str, Any]]:
        try:
            answer = json.loads((folder / RESPONSE).read_text())
            return {str(row["id"]): row for row in answer["rows"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ProgramFailed("command.bad-answer", f"no readable {RESPONSE}: {error}") from error

    def _answer(self, folder: Path, request: Request, row: Mapping[str, Any] | None) -> Answer:
        if row is None:
            return InputError("command.bad-answer", f"{self.label} left the row out of its answer")
        message = str(row.get("message", ""))
        if code := row.get("refused"):
            return Refusal(str(code), message)
        if code := row.get("failed"):
            return InputError(str(code), message)
        try:
            asset = read_mesh(resolve(str(row.get("mesh", "")), str(folder), str(folder)))
            drawn = [resolve(str(each), str(folder), str(folder)).read() for each in row.get("pictures", ())]
            notes = {str(key): str(value) for key, value in dict(row.get("notes") or {}).items()}
        except InputError as error:
            return error
        except (TypeError, ValueError) as error:
            return InputError("command.bad-answer", f"{self.label} answered what no row may hold: {error}")
        pictures = tuple(Texture(data, name="drawn") for data in drawn)
        return replace(asset, name=request.id, pictures=pictures).noted(**notes)


def row_name(at: int) -> str:
    """The id a row has within its batch: ids of a manifest may be no file names."""
    return f"row-{at}"


def row_of(request: Request, name: str, folder: Path) -> dict[str, Any]:
    """A request as the program reads it, its input files copied beside it; raises InputError `input.*`."""
    out = folder / name
    out.mkdir()
    prompt = request.prompt

    def copied(source: Source | None, stem: str) -> str:
        if source is None:
            return ""
        path = out / f"{stem}{source.suffix}"
        path.write_bytes(source.read())
        return str(path)

    return {
        "id": name,
        "seed": request.seed,
        "prompt": prompt.text if prompt else "",
        "negatives": list(prompt.negatives) if prompt else [],
        "category": request.category,
        "style": request.style,
        "image": copied(request.image, "image"),
        "images": [copied(source, f"view-{at}") for at, source in enumerate(request.images)],
        "sketch": copied(request.sketch, "sketch"),
        "mesh": copied(request.mesh, "mesh"),
        "out": str(out),
    }
