"""An example of a program for the `command` generator: twisted prisms, with nothing but Python's standard library.

It keeps the contract in both modes: `python twisted_prism.py FOLDER` works on one folder, and without a folder it reads
folders from its standard input. Copy it, and put a model of your own where `prism` is.
"""

import json
import math
import random
import sys
from pathlib import Path


def prism(seed: int, sides: int) -> str:
    """A closed OBJ, 1 high, standing on y = 0: `sides` sides, turned by an angle that the seed decides."""
    chance = random.Random(seed)
    turn, radius = chance.uniform(0.2, 1.0), chance.uniform(0.2, 0.4)
    rings = 9
    lines = []
    for ring in range(rings):
        height = ring / (rings - 1)
        for side in range(sides):
            angle = 2.0 * math.pi * side / sides + turn * height
            lines.append(f"v {radius * math.cos(angle):.6f} {height:.6f} {radius * math.sin(angle):.6f}")
    for ring in range(rings - 1):
        for side in range(sides):
            a, b = ring * sides + side + 1, ring * sides + (side + 1) % sides + 1
            lines.append(f"f {a} {a + sides} {b + sides}")
            lines.append(f"f {a} {b + sides} {b}")
    for side in range(1, sides - 1):
        lines.append(f"f 1 {side + 1} {side + 2}")
        top = (rings - 1) * sides
        lines.append(f"f {top + 1} {top + side + 2} {top + side + 1}")
    return "\n".join(lines) + "\n"


def answer(row: dict) -> dict:
    """One row: a prism with as many sides as the prompt has letters, or a refusal."""
    letters = sum(each.isalpha() for each in row["prompt"])
    if letters < 3:
        return {"id": row["id"], "refused": "prompt.too-short", "message": "a prism needs a prompt of 3 letters"}
    path = Path(row["out"]) / "prism.obj"
    path.write_text(prism(row["seed"], min(letters, 24)))
    return {"id": row["id"], "mesh": str(path), "notes": {"sides": str(min(letters, 24))}}


def work(folder: Path) -> None:
    """Answer all rows of a folder's request."""
    rows = json.loads((folder / "request.json").read_text())["rows"]
    (folder / "response.json").write_text(json.dumps({"rows": [answer(row) for row in rows]}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(Path(sys.argv[1]))
    else:
        for line in sys.stdin:
            work(Path(line.rstrip("\n")))
            print(line.rstrip("\n"), flush=True)
