"""The rerun flow: what a schedule, a worker or the command line runs to make chosen rows again."""

from __future__ import annotations

from typing import Any, Literal

from prefect import flow

from flows.execute import execute
from flows.generate import RUNNER, chunk
from flows.rerun import RerunConfig, Selection


@flow(name="rerun", task_runner=RUNNER)
def rerun_rows(
    manifest: str,
    recipe: str = "game-ready",
    out: str = "out",
    reason: str = "",
    stage: str = "",
    ledger_chunk: str = "",
    outcome: str = "",
    made_by_recipe: str = "",
    model: str = "",
    where: str = "",
    engine: Literal["auto", "inline"] = "auto",
    seed: int = 0,
    input_roots: list[str] | None = None,
    auto_fix: int | None = None,
    max_invalid: float = 1.0,
    limit: int | None = None,
    columns: dict[str, str] | None = None,
    other_recipe: str = "",
    other_model: str = "",
) -> dict[str, Any]:
    """Make the rows again that the selection names; raises ValueError where it names none in particular.

    `other_recipe` and `other_model` choose what another version made than the one named, or than the `current` one.
    """
    selection = Selection(reason, stage, ledger_chunk, outcome, made_by_recipe, model, where, other_recipe, other_model)
    if not selection:
        raise ValueError("name a reason, a stage, a chunk, an outcome, a recipe, a model or a condition")
    roots = tuple(input_roots or ())
    config = RerunConfig(
        manifest,
        recipe,
        out,
        max_invalid,
        limit,
        seed,
        roots,
        auto_fix=auto_fix,
        columns=tuple((columns or {}).items()),
        selection=selection,
    )
    return execute(config, engine, chunk.submit).to_dict()
