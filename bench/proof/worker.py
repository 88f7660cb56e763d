"""Runs one reader module over many files, in the readers' environment: a line of JSON for each file as it is done."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path

import facts


def main(module: str) -> None:
    """Standard input holds a JSON object a line, {"file", "stem"}; `module.read(file, folder of the stem)` gives Facts
    or any JSON value. What the reader prints itself goes to standard error."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Blender prints from C
    read = importlib.import_module(module).read
    for line in sys.stdin:
        job = json.loads(line)
        stem = Path(job["stem"])
        start = time.process_time()
        reply: dict[str, object] = {"file": job["file"]}
        try:
            made = read(Path(job["file"]), stem.parent, **job.get("options", {}))
            if isinstance(made, facts.Facts):
                facts.save(made, stem)
            else:
                reply["value"] = made
        except Exception as error:
            reply["error"] = f"{type(error).__name__}: {error}"[:500]
        print(json.dumps({**reply, "cpu": time.process_time() - start}), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
