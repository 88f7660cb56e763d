"""What the report needs from ledger rows: a compact card for each, and the run's totals gathered in one pass."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

OUTCOMES = ("passed", "rejected", "failed", "quarantined", "invalid")
# The ledger's maps come back sorted by name; this is the order in which an asset meets its stages.
FIRST = (
    *(
        "generate",
        "read",
        "clean",
        "drop_floaters",
        "orient",
        "face_front",
        "scale",
        "shape_edit",
        "distill_edit",
        "repair",
        "watertight",
        "refine_normals",
        "remesh_isotropic",
        "remesh_quads",
        "simplify",
    ),
    *(
        "unwrap",
        "bake",
        "detail",
        "vertex_bake",
        "set_material",
        "palette",
        "restyle",
        "physical",
        "lods",
        "impostor",
        "collision",
        "caption",
        "tag",
    ),
)
LAST = ("measure", "compare", "align", "gate", "signature", "poster", "write", "other_candidates")
OWN_PLACE = ("review", "version", "made_from")  # objects of the house; a manifest's own columns are text
PAGED_TEXT = 2000  # characters of one text in a page; a 100 KB prompt belongs to the ledger
SHA = 16  # hexadecimal digits of a digest in a page; the whole one is in the ledger
PICTURES = ("poster", "reference")  # outputs that the page shows rather than lists
SEARCH_TEXT = 240  # characters of a row that free-text search sees


class Sketch:
    """Counts in logarithmic buckets: quantiles within 2.5 % in constant memory (DDSketch, Masson et al., VLDB 2019)."""

    GAMMA = math.log(1.05)

    BATCH = 4096  # values counted at once: 0.1 µs each instead of 1.4

    def __init__(self) -> None:
        self.waiting = array("d")
        self.counted: dict[int, int] = {}
        self.count, self.total = 0, 0.0
        self.least, self.most = math.inf, 0.0

    def add(self, value: float) -> None:
        """Count a positive finite value; anything else has no place on a logarithmic axis and is left out."""
        self.waiting.append(value)
        if len(self.waiting) >= self.BATCH:
            self._count()

    def _count(self) -> None:
        values = np.array(self.waiting)
        self.waiting = array("d")
        values = values[(values > 0.0) & np.isfinite(values)]
        if not len(values):
            return
        buckets, counts = np.unique(np.ceil(np.log(values) / self.GAMMA).astype(np.int64), return_counts=True)
        for bucket, count in zip(buckets.tolist(), counts.tolist(), strict=True):
            self.counted[bucket] = self.counted.get(bucket, 0) + count
        self.count += len(values)
        self.total += float(values.sum())
        self.least, self.most = min(self.least, float(values.min())), max(self.most, float(values.max()))

    @property
    def buckets(self) -> dict[int, int]:
        """Values by bucket: bucket i holds those in (1.05^(i-1), 1.05^i]."""
        if self.waiting:
            self._count()
        return self.counted

    def quantile(self, share: float) -> float:
        """The value below which `share` (0–1) of the counted values lie; 0 when nothing was counted."""
        buckets = self.buckets
        left = share * (self.count - 1)
        for bucket in sorted(buckets):
            left -= buckets[bucket]
            if left < 0:
                return min(max(math.exp((bucket - 0.5) * self.GAMMA), self.least), self.most)
        return self.most if self.count else 0.0

    def bars(self, wanted: int = 24) -> list[tuple[float, float, int]]:
        """(from, to, count) of at most `wanted` adjoining bars from the least to the most value."""
        buckets = self.buckets
        if not buckets:
            return []
        first, last = min(buckets), max(buckets)
        width = max(1, math.ceil((last - first + 1) / wanted))
        counts = [0] * ((last - first) // width + 1)
        for bucket, count in buckets.items():
            counts[(bucket - first) // width] += count
        edges = [math.exp((first - 1 + i * width) * self.GAMMA) for i in range(len(counts) + 1)]
        return [(rounded(a), rounded(b), n) for a, b, n in zip(edges, edges[1:], counts, strict=False)]

    def figures(self) -> dict[str, Any]:
        """Count, total, extremes and quantiles, ready for JSON."""
        median = self.quantile(0.5)  # counts what is still waiting
        return {
            "count": self.count,
            "total": rounded(self.total),
            "min": rounded(self.least if self.count else 0.0),
            "p50": rounded(median),
            "p95": rounded(self.quantile(0.95)),
            "max": rounded(self.most),
        }


@dataclass
class Totals:
    """The run in numbers, filled row by row; grows with the kinds of rows, and by 4 bytes a row."""

    funnel: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("valid", "generated", "gated", "passed"), 0))
    classes: dict[tuple[str, tuple[str, ...], str], int] = field(default_factory=dict)
    class_counts: list[int] = field(default_factory=list)
    class_of: array[int] = field(default_factory=lambda: array("I"))
    stages: dict[str, Sketch] = field(default_factory=dict)
    triangles: Sketch = field(default_factory=Sketch)
    size: Sketch = field(default_factory=Sketch)
    seconds: Sketch = field(default_factory=Sketch)
    current: dict[str, tuple[int, str]] = field(default_factory=dict)  # of each refined root: since when, and which

    def add(self, card: Mapping[str, Any]) -> None:
        """Count one row, given as its card."""
        # A finished asset is found by what the gate warned of; a refused one by what stopped it.
        codes = card["reasons"] or (card["warnings"] if card["outcome"] == "passed" else ())
        self._classify(card["outcome"], tuple(codes), card["generator"])
        self._descend(card["outcome"], bool(card["timings"]))
        if card["outcome"] == "passed" and (version := card.get("version")):
            self.current[version["root"]] = max(
                self.current.get(version["root"], (1, "")), (version["since"], card["id"])
            )
        for stage, seconds in card["timings"]:
            if stage not in self.stages:
                self.stages[stage] = Sketch()
            self.stages[stage].add(seconds)
        self.seconds.add(sum(seconds for _, seconds in card["timings"]))
        self.triangles.add(card.get("triangles", 0))
        self.size.add(card.get("bytes", 0))

    def _classify(self, outcome: str, reasons: tuple[str, ...], generator: str) -> None:
        number = self.classes.setdefault((outcome, reasons, generator), len(self.classes))
        if number == len(self.class_counts):
            self.class_counts.append(0)
        self.class_counts[number] += 1
        self.class_of.append(number)

    def _descend(self, outcome: str, timed: bool) -> None:
        # A generator's refusal and a crash inside it leave no timings: such a row never became a mesh.
        made = outcome == "passed" or (outcome != "invalid" and timed)
        self.funnel["valid"] += outcome != "invalid"
        self.funnel["generated"] += made
        self.funnel["gated"] += made and outcome in ("passed", "rejected")
        self.funnel["passed"] += outcome == "passed"

    def summary(self) -> dict[str, Any]:
        """The totals as the page reads them. A class is one combination of outcome, reasons and generator."""
        stages = sorted(self.stages.items(), key=lambda item: stage_rank((item[0], 0.0)))
        return {
            "rows": len(self.class_of),
            "funnel": [["rows", len(self.class_of)], *map(list, self.funnel.items())],
            "classes": [[*key, self.class_counts[number]] for key, number in self.classes.items()],
            "histograms": {
                name: {**sketch.figures(), "bars": sketch.bars()}
                for name, sketch in (("triangles", self.triangles), ("bytes", self.size), ("seconds", self.seconds))
            },
            "stages": [{"name": name, **sketch.figures()} for name, sketch in stages],
            "current": {root: id for root, (_, id) in self.current.items()},
        }


@dataclass
class Versions:
    """Which rows came of which: a refinement names its parent, wherever in the ledger it stands. 8 bytes a row."""

    ids: array[int] = field(
        default_factory=lambda: array("q")
    )  # hashes; a run of a million has 3e-8 chances of a clash
    children: list[tuple[str, int, str]] = field(default_factory=list)

    def add(self, card: Mapping[str, Any]) -> None:
        """Take in the next row, given as its card."""
        if parent := card.get("parent"):
            self.children.append((card["id"], len(self.ids), parent))
        self.ids.append(hash(card["id"]))

    def links(self) -> list[tuple[str, int, str, int]]:
        """(id, row, id of its parent, row of its parent) of each row whose parent is a row; a row is its place here."""
        wanted = np.fromiter({hash(parent) for _, _, parent in self.children}, np.int64)
        hashes = np.asarray(self.ids, dtype=np.int64)
        places = np.flatnonzero(np.isin(hashes, wanted))
        at = dict(zip(hashes[places].tolist(), places.tolist(), strict=True))
        return [(id, row, parent, at[hash(parent)]) for id, row, parent in self.children if hash(parent) in at]


def card_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A ledger row as the page shows it: long texts cut, maps as pairs (no key of a row can be mistaken for ours)."""
    meta, metrics = entries(row.get("meta")), entries(row.get("metrics"))
    outputs = [output for output in row.get("outputs") or () if isinstance(output, dict)]
    found = list(findings(meta.pop("findings", None)))
    for name in ("signature", "alignment_features"):  # hundreds of characters that say nothing to a person
        meta.pop(name, None)
    version = version_card(meta.get("version"), text(row.get("id")))
    for name in OWN_PLACE:
        if isinstance(meta.get(name), dict):
            meta.pop(name)
    shown = {"candidates": listed(meta.pop("candidates", None)), "parts": listed(meta.pop("parts", None))}
    shown["pictures"] = pictures(meta.pop("pictures", None), outputs)
    card = {
        "id": text(row.get("id")),
        "row": row.get("row"),
        "outcome": row["outcome"],
        "reasons": [text(code) for code in row.get("reasons") or ()],
        "generator": text(row.get("generator")),
        "timings": sorted(numbers(row.get("timings")), key=stage_rank),
        "warnings": [code for code, _, _, severity, _ in found if severity == "warn"],
        "metrics": numbers(metrics),
        "outputs": [file_of(output) for output in outputs if output.get("format") not in PICTURES],
        "understood": [(name, plain(value)) for name, value in entries(row.get("prompt_understood")).items()],
        "findings": found,
    }
    card |= {name: text(meta.pop(name)) for name in ("title", "prompt") if meta.get(name)}
    said = {name: row.get(name) for name in ("key", "seed", "attempts", "parent", "recipe", "message")}
    card |= {name: text(value) for name, value in said.items() if value not in (None, "")}
    card |= {name: value for name, value in shown.items() if value}
    posters = [output for output in outputs if output.get("format") == "poster"]
    masters = [output for output in outputs if output.get("format") == "glb" and not output.get("lod")]
    card |= {"version": version} if version else {}
    card |= {"poster": text(posters[0].get("uri"))} if posters else {}
    card |= {"bytes": int(masters[0].get("bytes") or 0)} if masters else {}
    triangles = rounded(metrics.get("triangles"))
    card |= {"triangles": int(triangles)} if triangles else {}
    spent = {name: row.get(name) for name in ("gpu_seconds", "cost") if row.get(name)}
    meta |= {name: f"{value:.4g}" for name, value in spent.items()}
    meta |= {f"gpu_seconds, {step}": f"{value:.4g}" for step, value in numbers(row.get("step_gpu_seconds"))}
    card["notes"] = [(name, plain(value)) for name, value in meta.items() if value not in (None, "")]
    return card


def version_card(version: Any, id: str) -> dict[str, Any]:
    """What a refined asset's page says of its version (see manifests/versions.py); {} for an asset without versions."""
    if not isinstance(version, dict):
        return {}
    number = int(version.get("number") or 1)
    changes = [[text(name), *map(rounded, pair)] for name, pair in entries(version.get("changes")).items()]
    said = {
        name: text(value) for name in ("instruction", "region", "how", "understood") if (value := version.get(name))
    }
    place = {"root": text(version.get("root") or id), "number": number, "since": int(version.get("since") or number)}
    return {**place, **said, "changes": changes}


def stage_rank(timing: tuple[str, float]) -> int:
    """Where a stage stands in the line; exports come after the steps, and steps we do not know between the two."""
    stage = timing[0]
    if stage in LAST:
        return 200 + LAST.index(stage)
    if stage in FIRST:
        return FIRST.index(stage)
    return 100 if stage.startswith("export.") else 50


def file_of(output: Mapping[str, Any]) -> list[Any]:
    """[format, lod, uri, bytes, sha256] of an output."""
    numbers = (int(output.get("lod") or 0), int(output.get("bytes") or 0))
    return [
        text(output.get("format")),
        numbers[0],
        text(output.get("uri")),
        numbers[1],
        text(output.get("sha256"))[:SHA],
    ]


def numbers(value: Any) -> list[tuple[str, float]]:
    """The numeric entries of a map, to nine decimals (a cubic millimetre is 1e-9 m³); NaN stays."""
    # 30 numbers a row make this the writer's hottest line: a tuple of types is 3× as fast here as `int | float`
    return [(name, round(item, 9)) for name, item in entries(value).items() if isinstance(item, (int, float))]


def search_text(card: Mapping[str, Any]) -> str:
    """What free-text search looks through, in lower case."""
    said = (card["id"], card.get("title"), card.get("prompt"), *card["reasons"], card.get("message"))
    return " ".join(part for part in said if part)[:SEARCH_TEXT].lower()


def entries(value: Any) -> dict[str, Any]:
    """A map in any of the ledger's guises (dict, Arrow's list of pairs, JSON text, nothing) as a dict."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {"text": value} if value else {}
    return dict(value) if isinstance(value, (dict, list, tuple)) else {}


def listed(value: Any) -> list[dict[str, Any]]:
    """The maps of a list, as it is or as the JSON text that notes carry; whatever else there is is left out."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list | tuple) else []


def pictures(noted: Any, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The row's pictures by URI, each with the view that fits it best where one was found."""
    known = {str(item.get("number")): item for item in listed(noted)}
    uris = [text(output.get("uri")) for output in outputs if output.get("format") == "reference"]
    return [{"uri": uri, **known.get(uri.removesuffix(".jpg").rsplit("_reference", 1)[-1], {})} for uri in uris]


def findings(value: Any) -> Iterator[list[Any]]:
    """(code, value, limit, severity, suggestion) of each gate finding, which notes carry as JSON text."""
    for finding in listed(value):
        numbers = [rounded(finding[name]) if name in finding else None for name in ("value", "limit")]
        yield [text(finding.get("code")), *numbers, text(finding.get("severity")), text(finding.get("suggestion"))]


def text(value: Any) -> str:
    """A value as text of bearable length."""
    said = value if isinstance(value, str) else "" if value is None else str(value)
    return said if len(said) <= PAGED_TEXT else f"{said[:PAGED_TEXT]} … ({len(said) - PAGED_TEXT:,} more characters)"


def plain(value: Any) -> str:
    """Nested values as people write them: lists with commas, maps as `name value`; what is empty is left out."""
    if isinstance(value, dict):
        return text(", ".join(f"{name} {plain(item)}" for name, item in value.items() if item not in ("", [], (), {})))
    if isinstance(value, (list, tuple)):
        return text(", ".join(map(plain, value)))
    return text(value)


def rounded(value: Any) -> Any:
    """A number to six significant digits, an integer whole; None for what is not a finite number."""
    if isinstance(value, int):
        return int(value)
    return float(f"{value:.6g}") if isinstance(value, float) and math.isfinite(value) else None
