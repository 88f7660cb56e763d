"""A quality scorer from labels and the features that a run's ledger holds."""

from __future__ import annotations

import numpy as np

from manifests.errors import LedgerError
from manifests.labels import read_labels
from manifests.ledger import Ledger
from manifests.store import Store
from ml.alignment.scorer import Scorer, fit_scorer
from ml.asset import F32
from tasks.alignment import QUALITY, features_of


def fit_from_ledger(out: str, labels_file: str) -> Scorer:
    """Fit on every labelled asset of the run whose features the ledger has.

    Raises LedgerError when none has, ManifestError for the labels, and InputError as `fit_scorer` does.
    """
    labels = read_labels(labels_file)
    features: list[F32] = []
    wanted: list[float] = []
    models: set[str] = set()
    for row in Ledger(Store(out)).rows():
        meta = row.get("meta")
        if row["id"] in labels and (found := features_of(meta, QUALITY) or features_of(meta)) is not None:
            models.add(found[0])
            features.append(found[1])
            wanted.append(labels[row["id"]])
    if not features:
        raise LedgerError(f"{out} has features of none of the {len(labels)} labelled assets; run with [alignment]")
    if len(models) > 1:
        raise LedgerError(f"{out} has features of several models: {', '.join(sorted(models))}")
    return fit_scorer(models.pop(), np.stack(features), wanted)
