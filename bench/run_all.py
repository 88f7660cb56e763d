"""Runs every script in bench/ and writes the table that the README quotes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = ("quickstart.py", "scale.py")
COLUMNS = ("figure", "ours", "unit", "bar", "holds", "peer", "peer_value", "ratio")


def row(values: dict[str, object]) -> str:
    """One line of the table."""
    cells = []
    for name in COLUMNS:
        value = values[name]
        cells.append("" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value))
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    """Exit 1 when a bar is missed."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    held = True
    for script in SCRIPTS:
        done = subprocess.run(
            [sys.executable, str(HERE / script), "--json"], stdout=subprocess.PIPE, text=True, check=True
        )
        for text in done.stdout.splitlines():
            values = json.loads(text)
            held &= values["holds"] is not False
            lines.append(row(values))
            print(lines[-1], flush=True)
    (HERE / "RESULTS.md").write_text("\n".join(["# Measured figures", "", *lines, ""]))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
