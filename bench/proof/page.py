"""Writes bench/FORMATS.md, the table of the corpus by format with every failure's reason, and its picture."""

from __future__ import annotations

import html
import importlib.metadata
import json
import subprocess
from datetime import date
from pathlib import Path

from carries import FORMATS
from cells import Cell
from playwright.sync_api import sync_playwright
from running import PROOF

BENCH = Path(__file__).parents[1]
CHROMIUM = "/usr/bin/chromium"
MARKS = {"passed": "✓", "failed": "✗", "refused": "–"}
KINDS = {"quickstart": "quickstart", "real": "real meshes through import-optimise", "synthetic": "synthetic"}
JUDGES = """| format | read back by | drawn by, beside the master | must also be accepted by |
|---|---|---|---|
"""
STYLE = """
body { margin: 0; padding: 24px; width: 860px; background: #f6f5f1; color: #1d1d1b }
body { font: 13px/1.35 "DejaVu Sans", sans-serif }
table { border-collapse: separate; border-spacing: 3px } th { font-weight: 600; padding: 2px 4px }
td.n { text-align: right; padding-right: 8px } td.k { color: #6b6a64; padding-top: 8px }
td.c { width: 58px; height: 17px; border-radius: 4px; color: #fff; text-align: center; font-size: 11px }
.passed { background: #2a7d6f } .failed { background: #b5412b } .refused { background: #b9b6ab }
"""


def columns(cells: list[Cell]) -> list[str]:
    """The formats there are cells of, in FORMATS' order."""
    return [name for name in FORMATS if any(cell.format == name for cell in cells)]


def write_page(cells: list[Cell], refused: dict[str, str]) -> None:
    """The Markdown page and the picture."""
    (BENCH / "FORMATS.md").write_text(markdown(cells, refused))
    draw_matrix(cells, BENCH / "pictures" / "formats.png")


def markdown(cells: list[Cell], refused: dict[str, str]) -> str:
    """The page's text."""
    names = columns(cells)
    passed = sum(cell.outcome == "passed" for cell in cells)
    text = [
        "# Every export, judged by other programs",
        "",
        f"`bench/formats.py` wrote this page on {date.today().isoformat()}: {len(cells)} exports of "
        f"{len({cell.asset for cell in cells})} assets, {passed} passed every judge "
        f"({100 * passed / len(cells):.1f} %).",
        "",
        "A cell passes when an independent reader finds the asset's faces, bounding box in metres, every corner's",
        "position, UV, lightmap UV, normal, tangent and colour as far as the format has them, node names, levels of",
        "detail, effective material values, each map on its slot with its own bytes, and the provenance;",
        "when the format's validators have nothing to say; and when its picture is within 2 % of the master's (mean",
        "over the frame, same judge, camera and light).",
        "",
        JUDGES + "\n".join(judge_row(name) for name in names),
        "",
        f"Versions: {versions()}.",
        "",
        "| asset | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    grid = {(cell.asset, cell.format): cell for cell in cells}
    for kind, title in KINDS.items():
        mine = list(dict.fromkeys(cell.asset for cell in cells if cell.kind == kind))
        text += [f"| *{title}* |" + " |" * len(names)] if mine else []
        text += [f"| {a} | " + " | ".join(MARKS[grid[a, n].outcome] for n in names) + " |" for a in mine]
    text += ["", *section("Failed", failed_lines(cells)), *section("Refused", refusal_lines(cells, refused))]
    waived = [f"- {c.asset} as {c.format}: {c.waived}" for c in cells if c.waived]
    return "\n".join(text + section("No picture compared", waived)) + "\n"


def judge_row(name: str) -> str:
    """One format's judges."""
    form = FORMATS[name]
    readers = {"read_gltf": "Khronos validator, own reader", "read_obj": "own reader", "read_fbx": "ufbx",
               "read_usd": "usd-core, its validators, ARKit rules", "read_3mf": "lib3mf, strict",
               "read_plain": "trimesh", "browser": "Khronos validator, three.js"}  # fmt: skip
    shown = {"full": "", "base": ", base colour", "grey": ", grey"}[form.likeness]
    return f"| {name} | {readers[form.reader]} | {form.judge}{shown} | {', '.join(form.others)} |"


def versions() -> str:
    """Of the judges."""
    code = (
        "import json, importlib.metadata as m; print(json.dumps({n: m.version(n) for n in "
        "('bpy', 'f3d', 'lib3mf', 'trimesh', 'ufbx', 'usd-core')}))"
    )
    done = subprocess.run([str(PROOF.python), "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    packages = BENCH.parent / "tasks/web/node_modules"
    for name in ("three", "@google/model-viewer", "gltf-validator"):
        found[name] = json.loads((packages / name / "package.json").read_text())["version"]
    found["playwright"] = importlib.metadata.version("playwright")
    return ", ".join(f"{name} {version}" for name, version in found.items())


def section(title: str, lines: list[str]) -> list[str]:
    """A section, or nothing when there is nothing to say."""
    return [f"## {title}", "", *lines, ""] if lines else []


def failed_lines(cells: list[Cell]) -> list[str]:
    """Each failed cell's reasons."""
    return [f"- {c.asset} as {c.format}: {'; '.join(c.wrong[:3])}" for c in cells if c.outcome == "failed"]


def refusal_lines(cells: list[Cell], refused: dict[str, str]) -> list[str]:
    """What an exporter refused, and what was never made."""
    exports = [f"- {c.asset} as {c.format}: {c.refusal}" for c in cells if c.refusal]
    return exports + [f"- {name} was not made: {reason}" for name, reason in refused.items()]


def draw_matrix(cells: list[Cell], path: Path) -> None:
    """The table as a picture: colour is the outcome, the number the picture's difference in percent."""
    names = columns(cells)
    grid = {(cell.asset, cell.format): cell for cell in cells}
    rows = ["<tr><td></td>" + "".join(f"<th>{html.escape(name)}</th>" for name in names) + "</tr>"]
    for kind, title in KINDS.items():
        mine = list(dict.fromkeys(cell.asset for cell in cells if cell.kind == kind))
        rows += [f'<tr><td class="k" colspan="{len(names) + 1}">{title}</td></tr>'] if mine else []
        for asset in mine:
            boxes = "".join(box(grid[asset, name]) for name in names)
            rows.append(f'<tr><td class="n">{html.escape(asset)}</td>{boxes}</tr>')
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--headless=new", "--no-sandbox"])
        page = browser.new_page(viewport={"width": 910, "height": 100}, device_scale_factor=1.5)
        page.set_content(f"<style>{STYLE}</style><table>{''.join(rows)}</table>")
        page.screenshot(path=str(path), full_page=True)
        browser.close()


def box(cell: Cell) -> str:
    """One cell of the picture."""
    said = "" if cell.off is None else f"{cell.off:.2f}"
    return f'<td class="c {cell.outcome}">{said or MARKS[cell.outcome]}</td>'
