"""The card of a data set: what went in, what came out and why, under which licences, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manifests.outcome import MEANING

READING = """```python
from ml.shards import ShardDataset                       # exact resume, ranks and workers
data = ShardDataset("FOLDER", "train", batch=8, rank=0, ranks=1)

import datasets                                          # Hugging Face
data = datasets.load_dataset("FOLDER")
```"""
SUFFIX = {"webdataset": "tar", "parquet": "parquet"}


@dataclass(frozen=True)
class Card:
    """What a card tells."""

    title: str
    description: str
    outcomes: Mapping[str, int]  # of the run's rows
    reasons: Mapping[str, int]  # of the rows that did not pass
    left_out: Mapping[str, int]  # passed rows that are in no shard, by reason
    licences: Mapping[str, int]  # samples
    splits: Mapping[str, tuple[int, int, int]]  # split → shards, samples, bytes
    measures: Mapping[str, tuple[float, float, float]]  # least, mean, greatest
    versions: Sequence[Mapping[str, Any]]
    format: str
    recipe: str  # TOML
    pictures: Sequence[tuple[str, str]]  # (path, what it shows)


def card_text(card: Card) -> str:
    """The card as Markdown, the same text for the same data set; its head tells hubs where each split lies."""
    parts = [
        _head(card),
        f"# {card.title}\n",
        *([card.description.strip() + "\n"] if card.description.strip() else []),
        "## What became of every row\n",
        _table(("", "rows", ""), _funnel(card)),
        "## Licences\n",
        _table(("licence", "samples"), [(name or "none given", count) for name, count in card.licences.items()]),
        "## Splits\n",
        _table(("split", "shards", "samples", "MB"), _splits(card)),
        "## Measures of the samples\n",
        *[f"![{what}]({path})\n" for path, what in card.pictures],
        _table(("measure", "least", "mean", "greatest"), [(name, *map(_number, of)) for name, of in _measures(card)]),
        "## Versions\n",
        "What is published is never changed; a version adds shards.\n",
        _table(("version", "samples", "new", "shards"), _versions(card)),
        f"## Recipe\n\n```toml\n{card.recipe.strip()}\n```\n",
        f"## Reading\n\n{READING}\n",
    ]
    return "\n".join(parts)


def _head(card: Card) -> str:
    """The YAML block that hubs and `datasets` read."""
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split in card.splits:
        lines += [f"  - split: {split}", f"    path: {split}/*.{SUFFIX[card.format]}"]
    return "\n".join([*lines, "---", ""])


def _funnel(card: Card) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [("rows of the manifest", sum(card.outcomes.values()), "")]
    rows += [(outcome, card.outcomes[outcome], text) for outcome, text in MEANING.items() if card.outcomes.get(outcome)]
    rows += [(f"– `{reason}`", count, "did not pass") for reason, count in card.reasons.items()]
    rows += [(f"– `{reason}`", count, "passed, but in no shard") for reason, count in card.left_out.items()]
    return [*rows, ("**samples published**", sum(samples for _, samples, _ in card.splits.values()), "")]


def _splits(card: Card) -> list[tuple[Any, ...]]:
    return [(name, shards, samples, f"{size / 1e6:.1f}") for name, (shards, samples, size) in card.splits.items()]


def _measures(card: Card) -> list[tuple[str, tuple[float, float, float]]]:
    return sorted(card.measures.items())


def _versions(card: Card) -> list[tuple[Any, ...]]:
    return [(each["version"], each["samples"], each["new_samples"], len(each["shards"])) for each in card.versions]


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def _cell(value: Any) -> str:
    """A cell of a table: manifests may hold anything as a licence."""
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")[:200]


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
