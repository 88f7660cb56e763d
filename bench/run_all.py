"""Runs scripts of bench/ (all, or those named) and writes RESULTS.md, the tables that the README quotes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
GEOMETRY = ("watertight", "distance", "sampling", "simplify", "checks", "views", "chain", "cold")
SURFACE = ("glb_size", "bake", "materials", "lods", "writers", "formats", "format_stages")
RUNS = ("quickstart", "scale", "million", "fuzz", "scheduling", "batch", "publish")
SHAPES = ("shapes", "shapes_speed", "pictured", "shape_training", "distill")
QUALITY = (
    "measures",
    "alignment",
    "quality",
    "refine",
    "refine_normals",
    "detail",
    "report_page",
    "edits",
    "shards",
    "curation",
    "shape_examples",
)
CURATION = ("curation_million", "ten_million", "curation_filters", "curation_repeat", "pose")
SCRIPTS = (*RUNS, "uv", *(f"geometry_{topic}" for topic in GEOMETRY), *SURFACE, *QUALITY, *CURATION, *SHAPES)
COLUMNS = ("figure", "ours", "unit", "bar", "holds", "peer", "peer_value", "ratio")


def run(script: str) -> bool:
    """Run one and keep its lines in results/SCRIPT.jsonl; False when a bar was missed."""
    lines = [json.dumps({"date": date.today().isoformat()})]
    command = [sys.executable, str(HERE / f"{script}.py"), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.strip())
            print(row(json.loads(line)), flush=True)
    if process.returncode:
        raise SystemExit(f"{script} ended with {process.returncode}; its earlier results stay")
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / f"{script}.jsonl").write_text("\n".join(lines) + "\n")
    return all(json.loads(line)["holds"] is not False for line in lines[1:])


def row(values: dict[str, object]) -> str:
    """One line of the table."""
    return "| " + " | ".join(map(cell, (values[name] for name in COLUMNS))) + " |"


def cell(value: object) -> str:
    """Four digits, yes or no, nothing for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def tables() -> str:
    """A table for each script that was ever run, with its date."""
    text = ["# Measured figures", "", "`make bench` writes this page; each figure by the script named."]
    for script in SCRIPTS:
        kept = HERE / "results" / f"{script}.jsonl"
        if kept.exists():
            first, *figures = map(json.loads, kept.read_text().splitlines())
            text += ["", f"## bench/{script}.py, {first['date']}", ""]
            text += ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS), *map(row, figures)]
    return "\n".join(text) + "\n"


def main(scripts: Sequence[str]) -> int:
    """Exit 1 when a bar is missed."""
    held = [run(script) for script in scripts or SCRIPTS]
    (HERE / "RESULTS.md").write_text(tables())
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
