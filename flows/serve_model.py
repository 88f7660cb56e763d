"""A pretrained model behind the files of the `command` generator: what runs in an environment of the model's own.

`python -m flows.serve_model NAME OPTIONS` reads folders from its input, one a line; OPTIONS is a JSON object.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ml.asset import Asset, InputError
from ml.generators.command import REQUEST, RESPONSE
from ml.generators.pretrained.listed import PRETRAINED
from ml.generators.protocol import Answer, Refusal, Request
from ml.prompt import parse_prompt
from ml.sources import Source
from tasks.glb import encode_glb


def main(arguments: list[str]) -> int:
    """Answer folders until the input ends."""
    name, options = arguments
    made, known = PRETRAINED[name]
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in json.loads(options).items()}
    generator = made(known(**given))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the model prints is no answer
    for line in sys.stdin:
        folder = Path(line.rstrip("\n"))
        serve(generator, folder)
        print(folder, file=answers, flush=True)
    return 0


def serve(generator: Any, folder: Path) -> None:
    """Make what the folder's request asks for."""
    rows = json.loads((folder / REQUEST).read_text())["rows"]
    try:
        answers = generator.generate([request_of(row) for row in rows])
    except InputError as error:
        answers = [error] * len(rows)
    written = [said(answer, row["id"], Path(row["out"])) for answer, row in zip(answers, rows, strict=True)]
    (folder / RESPONSE).write_text(json.dumps({"rows": written}))


def request_of(row: dict[str, Any]) -> Request:
    """A row of the request as a generator takes it."""

    def source(path: str) -> Source | None:
        return Source(path, row["out"]) if path else None

    return Request(
        id=row["id"],
        seed=row["seed"],
        prompt=parse_prompt(row["prompt"], ", ".join(row["negatives"])) if row["prompt"] else None,
        image=source(row["image"]),
        images=tuple(Source(path, row["out"]) for path in row["images"]),
        sketch=source(row["sketch"]),
        mesh=source(row["mesh"]),
        category=row["category"],
        style=row["style"],
    )


def said(answer: Answer, name: str, out: Path) -> dict[str, Any]:
    """One row of the response, its mesh and pictures written."""
    if isinstance(answer, Refusal):
        return {"id": name, "refused": answer.code, "message": answer.message}
    if isinstance(answer, InputError):
        return {"id": name, "failed": answer.code, "message": answer.message}
    assert isinstance(answer, Asset)
    (out / "mesh.glb").write_bytes(encode_glb(answer))
    pictures = []
    for at, picture in enumerate(answer.pictures):
        (out / f"drawn-{at}.png").write_bytes(picture.data)
        pictures.append(str(out / f"drawn-{at}.png"))
    return {"id": name, "mesh": str(out / "mesh.glb"), "pictures": pictures}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
