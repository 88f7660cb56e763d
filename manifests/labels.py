"""Labels of assets, as `meshmill train scorer` takes them: a CSV of id and label."""

from __future__ import annotations

import csv
import io

import fsspec

from manifests.errors import ManifestError

MOST_BYTES = 64 << 20


def read_labels(uri: str) -> dict[str, float]:
    """The label of each id; a later line wins. Raises ManifestError naming the line that is wrong."""
    try:
        with fsspec.open(uri, "rb") as stream:
            text = stream.read(MOST_BYTES).decode("utf-8-sig")
    except (OSError, ValueError, ImportError) as error:
        raise ManifestError(f"{uri}: cannot be read: {error}") from error
    reader = csv.DictReader(io.StringIO(text))
    if not {"id", "label"} <= set(reader.fieldnames or ()):
        raise ManifestError(f"{uri}: needs the columns id and label")
    found: dict[str, float] = {}
    for row in reader:
        try:
            found[row["id"].strip()] = float(row["label"])
        except (ValueError, TypeError, AttributeError) as error:
            raise ManifestError(f"{uri}, line {reader.line_num}: label {row['label']!r} is no number") from error
    return found
