"""The browsable report: a static page over paged data files, which opens from disk, a web server or a bucket."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from tasks.report_data import Totals, Versions, card_of, search_text
from tasks.report_list import KEY, Columns, cell_of, recorded
from tasks.run_figures import RunFigures
from tasks.spent import Spent

Put = Callable[[str, bytes], None]
Read = Callable[[str], bytes]

FIGURES = "report/data/figures.json"  # of the whole run, for `meshmill status`
WEB = Path(__file__).parent / "web"
PAGE_FILES = (
    *("index.html", "report.css", "review.css", "viewer.css", "report-base.js", "messages-en.js", "messages-de.js"),
    *("viewer-messages-en.js", "viewer-messages-de.js", "language.js", "review.js", "review-csv.js"),
    *("review-actions.js", "review-keys.js", "report-address.js", "report-matches.js", "report-grid.js"),
    *("report-filters.js", "report-charts.js", "report-detail.js", "report.js", "viewer-orbit.js", "viewer-model.js"),
    *("viewer-scene.js", "viewer-sizes.js", "viewer-layout.js", "viewer-pick.js", "viewer-tint.js"),
    *("viewer-region.js", "viewer-compare.js", "viewer.js"),
)
VIEWER = Path("node_modules/.bundle/three.js")  # built by infra/setup/npm.sh
INDEX_ROWS = 200_000  # a file of class numbers: about 600 KB


@dataclass(frozen=True)
class RunInfo:
    """The run's own facts, for the head of the page."""

    title: str
    manifest: str
    recipe: str
    started: str  # ISO 8601
    seconds: float
    engine: str
    versions: Mapping[str, str]
    currency: str = ""  # of costs
    finished: int | None = None  # rows that ended in this session when others were taken over from an earlier one


@dataclass(frozen=True)
class ReportOptions:
    """How the report is cut into files, and how many models it carries for pages opened from disk."""

    page_rows: int = field(default=500, metadata={"min": 1, "max": 10_000, "help": "rows in a page of data"})
    cell_rows: int = field(default=1000, metadata={"min": 1, "max": 10_000, "help": "rows in a file of the list"})
    search_rows: int = field(
        default=5000, metadata={"min": 1, "max": 100_000, "help": "rows in a file of search texts"}
    )
    embed_assets: int = field(default=500, metadata={"min": 0, "max": 100_000, "help": "assets that open from file://"})
    embed_bytes: int = field(default=8_000_000, metadata={"min": 0, "max": 500_000_000, "help": "largest such model"})


def write_report(
    rows: Iterable[Mapping[str, Any]], put: Put, read: Read, info: RunInfo, options: ReportOptions = ReportOptions()
) -> str:
    """Write `report/…` through `put`; returns what is switched off and why, or "".

    `rows` are ledger rows, taken one at a time; `read` gets a finished file by its URI relative to the run's root. A
    browser refuses to fetch a GLB from file://, so the first assets are also written as scripts that carry them:
    `embed_assets=0` where the report will only ever be served.
    """
    totals, columns, models = Totals(), Columns(), Models(put, read, options)
    versions, figures, spent = Versions(), RunFigures(), Spent()
    sizes = {"page": options.page_rows, "cell": options.cell_rows, "search": options.search_rows}
    sizes |= {"id": INDEX_ROWS, "recorded": INDEX_ROWS}
    files = {kind: Pages(put, kind, size) for kind, size in sizes.items()}
    for row in rows:
        card = card_of(row)
        totals.add(card)
        figures.add(row)
        spent.add(row)
        columns.add(card)
        models.embed(card)
        versions.add(card)
        files["page"].add(card)
        files["cell"].add(cell_of(card))
        files["search"].add(search_text(card))
        files["id"].add([card["id"], card.get("key", "")[:KEY]])
        if decision := recorded(row):
            files["recorded"].add(decision)
    for each in files.values():
        each.close()
    viewer = (WEB / VIEWER).is_file()
    write_index(totals, put)
    for name, number, values in columns.files(INDEX_ROWS):
        put(f"report/data/{name}-{number:03d}.js", script("column", name, number, values))
    summary = {"info": asdict(info), **totals.summary(), **columns.summary(), "viewer": viewer, "indexRows": INDEX_ROWS}
    summary |= {f"{kind}Rows": sizes[kind] for kind in ("page", "cell", "search")}
    summary["recordedFiles"] = files["recorded"].number
    summary["figures"], summary["spent"] = figures.summary(), spent.summary(info.currency)
    put(FIGURES, json.dumps(summary["figures"]).encode())
    put("report/data/summary.js", script("summary", summary))
    put("report/data/versions.js", script("versions", {"pageRows": options.page_rows, "links": versions.links()}))
    for name in PAGE_FILES:
        put(f"report/{name}", (WEB / name).read_bytes())
    if viewer:
        put("report/vendor/three.js", (WEB / VIEWER).read_bytes())
    return "" if viewer else f"models are shown as pictures: {VIEWER.name} is missing (infra/setup/npm.sh makes it)"


class Pages:
    """A growing list cut into numbered script files, so that neither side ever holds the whole."""

    def __init__(self, put: Put, kind: str, rows: int) -> None:
        self.put, self.kind, self.rows = put, kind, rows
        self.number = 0
        self.items: list[Any] = []

    def add(self, item: Any) -> None:
        """Append one item, writing a file when it is full."""
        self.items.append(item)
        if len(self.items) == self.rows:
            self.close()

    def close(self) -> None:
        """Write what is left."""
        if self.items:
            self.put(f"report/data/{self.kind}-{self.number:03d}.js", script(self.kind, self.number, self.items))
            self.number, self.items = self.number + 1, []


class Models:
    """Writes the first GLBs as scripts with a data: URI, and notes each script's name in its output."""

    def __init__(self, put: Put, read: Read, options: ReportOptions) -> None:
        self.put, self.read = put, read
        self.left, self.limit = options.embed_assets, options.embed_bytes

    def embed(self, card: dict[str, Any]) -> None:
        """Carry the GLBs of one asset, as long as there is room."""
        wanted = [output for output in card["outputs"] if output[0] == "glb" and int(output[3] or 0) <= self.limit]
        if not wanted or self.left <= 0:
            return
        self.left -= 1
        for output in wanted:
            try:
                data = self.read(output[2])
            except OSError:  # the file is not where the ledger says; its download link will tell
                continue
            name = model_name(output[2], int(output[1] or 0))
            uri = "data:model/gltf-binary;base64," + base64.b64encode(data).decode()
            self.put(f"report/models/{name}.js", script("model", name, uri))
            output.append(name)


def model_name(uri: str, lod: int) -> str:
    """The asset's folder as a file name any system and any URL takes as it is."""
    folder = PurePosixPath(uri).parent.name
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", folder)[:80]
    if safe != folder or not safe.strip("."):
        safe += "-" + hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe}.lod{lod}" if lod else safe


def write_index(totals: Totals, put: Put) -> None:
    """The class of every row, so that filters find their rows without loading any page."""
    for number, start in enumerate(range(0, len(totals.class_of), INDEX_ROWS)):
        chunk = totals.class_of[start : start + INDEX_ROWS].tolist()
        put(f"report/data/index-{number:03d}.js", script("index", number, chunk))


def script(function: str, *arguments: Any) -> bytes:
    """A classic script that hands data to the page: the one way to load data that works from file:// too."""
    packed = ",".join(json.dumps(argument, separators=(",", ":"), check_circular=False) for argument in arguments)
    return f"meshmill.{function}({packed});\n".encode("ascii")
