"""Gathers a data set's card from the run's ledger and the published shards, and writes it beside these."""

from __future__ import annotations

import heapq
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow.parquet as pq

from manifests.ledger import Ledger
from manifests.recipe import Recipe
from manifests.samples import SPLITS, digest_order
from manifests.shard_folder import SETTINGS, Stats, index_path, published, versions
from manifests.store import Store
from tasks.card_pictures import Histogram, histograms_svg, sample_sheet
from tasks.dataset_card import Card, card_text

CARD, STATISTICS, SAMPLES = "README.md", "card/statistics.svg", "card/samples.jpg"
SHOWN = 12  # pictures on the sheet
MEASURES = ("faces", "vertices", "height_m", "width_m", "depth_m", "components", "area_m2", "volume_m3", "score")
MOST_MEASURES = 6


def write_card(source: Store, target: Store, recipe: Recipe, left_out: Mapping[str, int]) -> str:
    """Write README.md and its pictures into the data set's folder; the card's place.

    The card is the one file there that later versions replace.
    """
    stats = list(published(target))
    summary = Ledger(source).summary()
    measures = spans_of(stats)
    pictures = []
    if sheet := sample_sheet(posters(source)):
        target.put(SAMPLES, sheet)
        pictures.append((SAMPLES, "Samples"))
    if chosen := shown_measures(measures):
        target.put(STATISTICS, histograms_svg(histograms(target, stats, chosen, measures)))
        pictures.append((STATISTICS, "How often each value occurs"))
    card = Card(
        title=recipe.name,
        description=recipe.description,
        outcomes=summary.outcomes,
        reasons=summary.reasons,
        left_out=left_out,
        licences=dict(sum((Counter(each.licences) for each in stats), Counter[str]()).most_common()),
        splits={name: of for name in SPLITS if (of := totals(stats, name))[0]},
        measures=measures,
        versions=versions(target),
        format=json.loads(target.read(SETTINGS))["format"],
        recipe=recipe.text,
        pictures=pictures,
    )
    target.put(CARD, card_text(card).encode())
    return target.uri_of(CARD)


def totals(stats: Sequence[Stats], split: str) -> tuple[int, int, int]:
    """Shards, samples and bytes of a split."""
    own = [each for each in stats if each.split == split]
    return len(own), sum(each.samples for each in own), sum(each.bytes for each in own)


def spans_of(stats: Sequence[Stats]) -> dict[str, tuple[float, float, float]]:
    """Least, mean and greatest of each measure over all shards; a shard's mean counts as often as it has samples."""
    found: dict[str, list[tuple[int, list[float]]]] = {}
    for each in stats:
        for name, span in each.metrics.items():
            found.setdefault(name, []).append((each.samples, span))
    return {name: _joined(spans) for name, spans in sorted(found.items())}


def _joined(spans: Sequence[tuple[int, Sequence[float]]]) -> tuple[float, float, float]:
    count = sum(samples for samples, _ in spans)
    mean = sum(samples / count * span[1] for samples, span in spans)  # a sum of 1e308s would be infinite
    return min(span[0] for _, span in spans), mean, max(span[2] for _, span in spans)


def shown_measures(measures: Mapping[str, tuple[float, float, float]]) -> list[str]:
    """Measures that vary, the well known first."""
    varying = [name for name, (least, _, greatest) in measures.items() if least < greatest]
    known = [name for name in MEASURES if name in varying]
    return [*known, *(name for name in varying if name not in MEASURES)][:MOST_MEASURES]


def histograms(
    target: Store, stats: Sequence[Stats], names: Sequence[str], measures: Mapping[str, tuple[float, float, float]]
) -> list[Histogram]:
    """How often each value occurs, counted from one index after the other."""
    found = {name: Histogram(name, measures[name][0], measures[name][2]) for name in names}
    for each in stats:
        table = pq.read_table(io.BytesIO(target.read(index_path(each.shard))), columns=["metrics"])
        column = table.column("metrics").combine_chunks()
        keys, values = column.keys.to_numpy(zero_copy_only=False), column.items.to_numpy(zero_copy_only=False)
        for name, histogram in found.items():
            histogram.add(values[keys == name].astype(np.float64))
    return list(found.values())


def posters(source: Store) -> list[bytes]:
    """The posters of SHOWN passed assets, drawn by the digest of their ids."""
    rows = Ledger(source).rows(columns=["id", "outcome", "outputs"])
    pictures = (
        (digest_order(row["id"]), output["uri"])
        for row in rows
        if row["outcome"] == "passed"
        for output in row["outputs"]
        if output["format"] == "poster"
    )
    drawn = heapq.nsmallest(SHOWN, pictures)
    found = source.read_many([uri for _, uri in drawn])
    return [found[uri] for _, uri in drawn if uri in found]
