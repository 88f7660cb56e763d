"""The refine flow: what a schedule, a worker or the command line runs to make new versions of assets."""

from __future__ import annotations

from typing import Any, Literal

from prefect import flow

from flows.execute import execute
from flows.generate import RUNNER, chunk
from flows.refine import RefineConfig


@flow(name="refine", task_runner=RUNNER)
def refine_assets(
    out: str,
    manifest: str,
    recipe: str = "",
    engine: Literal["auto", "inline"] = "auto",
    max_invalid: float = 1.0,
    limit: int | None = None,
) -> dict[str, Any]:
    """Make every version that a manifest of instructions asks for and the ledger in `out` does not hold yet."""
    config = RefineConfig(manifest, out=out, max_invalid=max_invalid, limit=limit, recipe=recipe)
    return execute(config, engine, chunk.submit).to_dict()
