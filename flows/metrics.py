"""A run's figures in Prometheus' text format, read from its ledger and its log of publications."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from manifests.ledger import Ledger
from manifests.publications import Entry, Publications
from manifests.store import Store
from tasks.spent import COLUMNS, Spent

SECONDS = "Seconds of GPUs by model or step, times the share it took"
Labels = Mapping[str, str]
Sample = tuple[Labels, float]


def exposition(out: str) -> str:
    """All of them, for node_exporter's textfile collector or any scrape of a file (exposition format 0.0.4).

    The ledger holds the truth through restarts, so that nothing has to run while nothing is made.
    """
    store = Store(out)
    rows: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    stages: Counter[str] = Counter()
    files: Counter[str] = Counter()
    spent = Spent()
    wanted = ["outcome", "reasons", "timings", "outputs", *COLUMNS]
    for row in Ledger(store).rows(columns=wanted):
        rows[row["outcome"]] += 1
        reasons.update(row["reasons"])
        stages.update(row["timings"])
        spent.add(row)
        for output in row["outputs"]:
            files[output["format"]] += output["bytes"]
    sent: Counter[tuple[str, str]] = Counter()
    newest = {(entry.target, entry.id, entry.key): entry.event for entry in _published(store)}
    sent.update((target, event) for (target, _, _), event in newest.items())
    lines = [
        *family("meshmill_rows", "Rows of the ledger by outcome", labelled("outcome", rows)),
        *family("meshmill_reasons", "Reasons of rows that did not pass", labelled("reason", reasons)),
        *family("meshmill_stage_seconds", "Seconds of all rows by stage", labelled("stage", stages)),
        *family("meshmill_gpu_seconds", SECONDS, labelled("model", spent.gpu_seconds)),
        *family("meshmill_cost", "Cost by model or step and the recipe's prices", labelled("model", spent.cost)),
        *family("meshmill_output_bytes", "Bytes of finished files by format", labelled("format", files)),
        *family(
            "meshmill_publications",
            "Asset versions by target and what the log says of them last",
            [({"target": target, "event": event}, n) for (target, event), n in sorted(sent.items())],
        ),
    ]
    return "\n".join(lines) + "\n"


def _published(store: Store) -> Iterator[Entry]:
    log = Publications(Store(f"{store.uri}/publications"))
    return (entry for entry in log.entries() if entry.event != "seal")


def labelled(label: str, counts: Mapping[str, float]) -> list[Sample]:
    """Samples by the value of one label."""
    return [({label: name}, float(counts[name])) for name in sorted(counts)]


def family(name: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    """The lines of a gauge."""
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        said = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"{name}{{{said}}} {value:.12g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
