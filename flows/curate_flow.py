"""The curate flow: what a schedule or a worker runs to turn a manifest of meshes into training shards."""

from __future__ import annotations

from typing import Any, Literal

from prefect import flow

from flows.artifacts import table
from flows.curate import publish
from flows.execute import execute
from flows.generate import RUNNER, chunk
from flows.push import place_of, push
from flows.run import RunConfig
from flows.shard import ShardConfig
from manifests.samples import read_shares


@flow(name="curate", task_runner=RUNNER)
def curate_meshes(
    manifest: str,
    out: str,
    shards: str,
    recipe: str = "dora",
    format: Literal["webdataset", "parquet"] = "webdataset",
    split: str = "0.98/0.01/0.01",
    engine: Literal["auto", "inline"] = "auto",
    limit: int | None = None,
    input_roots: list[str] | None = None,
    push_to: str = "",
) -> dict[str, Any]:
    """Make what the ledger in `out` does not hold, then shards of what no shard holds; nothing published changes."""
    config = RunConfig(manifest, recipe, out, limit=limit, input_roots=tuple(input_roots or ()))
    summary = execute(config, engine, chunk.submit).to_dict()
    packed, card = publish(ShardConfig(out, shards, format, split=read_shares(split)), recipe)
    left = [{"left out": reason, "rows": rows} for reason, rows in packed.left_out.items()]
    table("curate", [{"left out": "", "rows": packed.samples}, *left], f"New samples in {card}, and what was left out")
    pushed = {"pushed": push(shards, place_of(push_to)).to_dict()} if push_to else {}
    return {**summary, "shards": packed.to_dict(), "card": card, **pushed}
