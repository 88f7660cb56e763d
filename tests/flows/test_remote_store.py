"""A run whose store is S3: resumed, listed, changed, and equal to a local one byte by byte."""

import json
import os
import subprocess

import pytest
from commands import MESHMILL
from mill import ROWS, Mill

from manifests.ledger import Ledger
from manifests.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


def test_a_run_whose_store_is_s3(mill: Mill, bucket: str) -> None:
    env, out = dict(os.environ), f"{bucket}/runs/one"
    first = mill.run(out, "inline", env, "--limit", "4")
    assert (first["rows"], first["report"]) == (4, f"{out}/report/index.html")
    second = mill.run(out, "inline", env)
    assert (second["rows"], second["skipped"]) == (6, 4)
    third = mill.run(out, "inline", env)
    assert (third["skipped"], third["outcomes"]) == (6, {})
    assert differences_of_stores(Store(out), Store(str(mill.reference))) == []
    listed = subprocess.run([MESHMILL, "status", out, "--json"], env=env, capture_output=True, text=True, timeout=120)
    assert json.loads(listed.stdout)["outcomes"] == {"invalid": 1, "passed": 4, "rejected": 1}
    (mill.folder / "rows.csv").write_text(ROWS.replace("a red chair", "a green chair"))
    try:
        fourth = mill.run(out, "inline", env)
    finally:
        (mill.folder / "rows.csv").write_text(ROWS)
    assert (fourth["skipped"], fourth["outcomes"]) == (5, {"passed": 1})
    assert len(list(Ledger(Store(out)).rows())) == 6


def differences_of_stores(store: Store, reference: Store) -> list[str]:
    """Paths of finished files that two stores do not both hold with the same bytes."""
    paths = [set(each.list("assets")) | set(each.list("store")) for each in (store, reference)]
    wrong = paths[0] ^ paths[1]
    return sorted(wrong | {path for path in paths[0] & paths[1] if store.read(path) != reference.read(path)})
