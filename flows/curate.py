"""Curation: a run over a manifest of meshes, its passed rows as shards, the card of what that gave; and why not."""

from __future__ import annotations

from flows.card import write_card
from flows.catalogue import catalogue
from flows.shard import Packed, ShardConfig, Tell, shard
from manifests.errors import LedgerError
from manifests.ledger import Ledger
from manifests.recipe import load_recipe
from manifests.store import Store
from manifests.versions import rows_by_id


def publish(config: ShardConfig, recipe: str, tell: Tell = lambda line: None) -> tuple[Packed, str]:
    """The shards of a finished run and the card's place; what there is already stays. Raises as `shard` does."""
    packed = shard(config, tell)
    source, target = Store(config.out), Store(config.to)
    return packed, write_card(source, target, load_recipe(recipe, catalogue()), packed.left_out)


def explain(store: Store, id: str) -> list[str]:
    """What was found of one row, in lines; raises LedgerError for an id the ledger does not hold."""
    row = rows_by_id(Ledger(store), [id]).get(id)
    if row is None:
        raise LedgerError(f"{store.uri} holds no row {id!r}")
    lines = [f"{row['id']}: {row['outcome']}"]
    lines += [f"  reason   {reason}" for reason in row["reasons"]]
    lines += [f"  says     {part}" for part in row["message"].splitlines() if part]
    lines += [f"  {name:<8} {row['meta'][name]}" for name in ("license", "hints", "stderr") if row["meta"].get(name)]
    lines += [f"  measure  {name} {value:.6g}" for name, value in sorted(row["metrics"].items())]
    return lines + [f"  file     {output['uri']}, {output['bytes']} bytes" for output in row["outputs"]]
