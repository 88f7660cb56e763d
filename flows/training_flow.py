"""The flow that trains the alignment model: what a schedule or a worker runs."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, get_run_logger

from flows.training import train_alignment


@flow(name="train-alignment")
def train_alignment_model(recipe: str, out: str) -> dict[str, float]:
    """Train from the recipe, from where a kill left it; how well it tells right prompts from wrong ones."""
    judged = train_alignment(Path(recipe), Path(out), get_run_logger().info)
    recall, _ = judged.recall()
    return {"auc": judged.roc_random, "auc_hard": judged.roc_hard, "recall_at_1": recall}
