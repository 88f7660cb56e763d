"""A made-up run's report and a browser to look at it with, shared by the tests of the page."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trimesh
from PIL import Image

from tasks.report import ReportOptions, RunInfo, write_report

HOSTILE = "<script>window.hit=1</script><img src=x onerror='window.hit=1'> chair"
WAIT = 30_000  # ms; the software rasteriser's first frame takes 2–5 s on a busy machine
ENDS = (
    [("passed", [])] * 6
    + [("rejected", ["gate.triangles"]), ("failed", ["mesh.truncated"]), ("invalid", ["row.no-input"])]
    + [("passed", []), ("rejected", ["gate.uv-overlap", "gate.luminance"])]
    + [("quarantined", ["killed.timeout"])]
)
INFO = RunInfo("Kitchen", "kitchen.csv", "game-ready", "2026-11-21T06:12:17+00:00", 48.3, "inline", {"python": "3"})


def put_in(root: Path) -> Callable[[str, bytes], None]:
    def put(path: str, content: bytes) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)

    return put


def made_up_row(root: Path, number: int) -> dict[str, Any]:
    outcome, reasons = ENDS[number % len(ENDS)]
    name = f"chair {number:02d}" if number == 0 else f"chair-{number:02d}"  # a folder that URLs must encode
    outputs = []
    for lod in (0, 1) if outcome == "passed" else ():
        glb = trimesh.creation.icosphere(subdivisions=2 - lod, radius=0.5).export(file_type="glb")
        put_in(root)(f"assets/{name}/{name}_LOD{lod}.glb", glb)
        digest = hashlib.sha256(glb).hexdigest()
        uri = f"assets/{name}/{name}_LOD{lod}.glb"
        outputs.append({"format": "glb", "lod": lod, "uri": uri, "bytes": len(glb), "sha256": digest})
    if outcome in ("passed", "rejected"):
        picture = io.BytesIO()
        Image.new("RGB", (64, 64), (30 * number % 255, 120, 90)).save(picture, "PNG")
        put_in(root)(f"assets/{name}/poster.png", picture.getvalue())
        uri = f"assets/{name}/poster.png"
        outputs.append({"format": "poster", "lod": 0, "uri": uri, "bytes": len(picture.getvalue()), "sha256": ""})
    findings = [{"code": code, "value": 7.0, "limit": 5.0, "severity": "reject"} for code in reasons]
    return {
        "id": name, "key": f"{number:064x}"[::-1], "row": number + 1, "outcome": outcome, "reasons": reasons,
        "message": "hung in unwrap" if outcome == "quarantined" else "", "recipe": "game-ready",
        "generator": "" if outcome == "invalid" else ("procedural", "inflate")[number % 2], "seed": number,
        "attempts": 1, "parent": "", "outputs": outputs,
        "metrics": {"triangles": 80.0 * (number + 1), "score": number % 10 / 10} if outputs else {},
        "timings": {"generate": 0.02, "unwrap": 0.3} if outputs else {}, "gpu_seconds": 1.5 * (number % 2),
        "prompt_understood": json.dumps({"subject": ("chair", "stool")[number % 2], "colors": ["red"]}),
        "meta": {
            "prompt": HOSTILE if number == 1 else f"a chair of kind{number}", "profile": "game",
            **({"tags": "oak, sale"} if number % 3 == 0 else {}),
            **({"findings": json.dumps(findings)} if outcome == "rejected" else {}),
        },
    }  # fmt: skip


def write_pages(root: Path, rows: list[dict[str, Any]], **options: int) -> None:
    """The report of these rows in `root`, cut into many small files."""
    sizes = {"page_rows": 25, "cell_rows": 20, "search_rows": 30} | options
    left_out = write_report(rows, put_in(root), lambda uri: (root / uri).read_bytes(), INFO, ReportOptions(**sizes))
    assert left_out == ""


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """The folder of a run with its report, and the ledger's rows."""
    root = tmp_path_factory.mktemp("a run #1")  # a folder that URLs must encode
    rows = [made_up_row(root, number) for number in range(64)]
    write_pages(root, rows)
    return root, rows


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def served(root: Path) -> Iterator[str]:
    """The folder over http; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextmanager
def opened(browser: Any, host: str, **options: Any) -> Iterator[Any]:
    """The report at `host`/report in a tab of its own profile; at its end nothing may have complained or left the host.

    `script` runs before the page's own; other options are those of a playwright context.
    """
    complaints: list[str] = []
    asked: list[str] = []
    script, place = options.pop("script", ""), options.pop("place", "")
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options})
    tab = context.new_page()
    tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda asking: asked.append(asking.url))
    if script:
        tab.add_init_script(script)
    try:
        tab.goto(f"{host}/report/index.html{place}", wait_until="commit")
        tab.wait_for_selector("html[data-ready]", timeout=WAIT)
        yield tab
        assert tab.evaluate("window.hit") is None
    finally:
        context.close()  # a tab that a failed test left open would go on drawing beside all others
    assert complaints == []
    assert [url for url in asked if not url.startswith((host, "data:", "blob:"))] == []


@pytest.fixture(params=["http", "file"])
def page(request: pytest.FixtureRequest, run: Any, browser: Any) -> Iterator[Any]:
    """The report opened, over http and from disk."""
    with served(run[0]) as address, opened(browser, address if request.param == "http" else run[0].as_uri()) as tab:
        yield tab


@pytest.fixture
def disk_page(run: Any, browser: Any) -> Iterator[Any]:
    """The report opened from disk, where browsers allow least."""
    with opened(browser, run[0].as_uri()) as tab:
        yield tab


@pytest.fixture
def open_report(browser: Any) -> Callable[..., Any]:
    """`opened` with the browser of these tests: (host, **options) -> context manager of a tab."""
    return partial(opened, browser)


@pytest.fixture
def small_run(tmp_path: Path) -> Callable[[Callable[[list[dict[str, Any]]], None]], str]:
    """Writes the report of six rows that a function changed first; where it lies, as file://…."""

    def write(change: Callable[[list[dict[str, Any]]], None]) -> str:
        rows = [made_up_row(tmp_path, number) for number in range(6)]
        change(rows)
        write_pages(tmp_path, rows)
        return tmp_path.as_uri()

    return write
