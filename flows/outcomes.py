"""From what happened to a row to its line in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from flows.binding import Bound, generator_version
from flows.jobs import PICTURE, Failure
from manifests.ledger_row import LedgerRow
from manifests.recipe import Recipe
from manifests.row import InvalidRow, Row, asset_folder
from manifests.store import Store, content_path
from ml.prompt import Prompt
from ml.sources import Source


def understood(prompt: Prompt | None) -> dict[str, Any]:
    """What the parser found in a prompt, without what it did not find."""
    if prompt is None:
        return {}
    found = {name: value for name, value in vars(prompt).items() if value and name not in ("text", "constraints")}
    if prompt.parts:
        found["parts"] = tuple(map(asdict, prompt.parts))
    if constraints := {name: value for name, value in vars(prompt.constraints).items() if value is not None}:
        found["constraints"] = constraints
    return found


def blank_row(key: str, row: Row, bound: Bound) -> LedgerRow:
    """The row's identity, before anything happened to it."""
    said = {
        name: value for name in ("prompt", "title", "license", "category", "style") if (value := getattr(row, name))
    }
    said |= {"profile": bound.plan.profile.name} if bound.plan.profile else {}
    said |= {"fell_back": bound.fell_back} if bound.fell_back else {}
    return LedgerRow(
        id=row.id,
        key=key,
        row=row.number,
        outcome="failed",
        generator=bound.generator,
        seed=bound.request.seed,
        recipe=bound.recipe,
        prompt_understood=understood(bound.request.prompt),
        meta={**row.meta, **said, **({"tags": ", ".join(row.tags)} if row.tags else {})},
    )


# What a row says beside what stands under its own name in the ledger: a refinement of the asset needs it.
UNNAMED = ("negative_prompt", "height_m", "width_m", "depth_m", "up_axis", "profile")
UNSET = {each.name: each.default for each in fields(Row)}


def made_from(row: Row, recipe: Recipe, bound: Bound, mesh: str, pictures: Sequence[str] = ()) -> dict[str, Any]:
    """What an asset can be made again from: raw mesh, pictures drawn and recipe by digest, model, the row's wishes."""
    said = {name: value for name in UNNAMED if (value := getattr(row, name)) != UNSET[name]}
    known = {"mesh": mesh, "recipe": recipe.digest, "model": generator_version(bound.generator)}
    return known | ({"pictures": list(pictures)} if pictures else {}) | ({"row": said} if said else {})


def drawn_pictures(store: Store, digests: Iterable[str]) -> tuple[tuple[Source, bool], ...]:
    """Pictures that a generator drew from a row's words, as they lie in the store."""
    return tuple((Source(store.uri_of(content_path(digest, PICTURE)), store.uri), False) for digest in digests)


def failure_row(row: LedgerRow, failure: Failure, timings: dict[str, float]) -> LedgerRow:
    """A row that ended without an asset, with the last words of a killed child."""
    last = {"stderr": failure.stderr} if failure.stderr else {}
    hints = {"hints": ", ".join(failure.hints)} if failure.hints else {}
    return replace(
        row,
        outcome=failure.outcome,
        reasons=(failure.code,),
        message=failure.message,
        attempts=failure.attempts,
        timings=timings,
        meta={**row.meta, **last, **hints},
    )


def invalid_row(row: InvalidRow, recipe: str) -> LedgerRow:
    """A manifest row that is not worked on: its line, its column and the reason."""
    where = {"line": str(row.line), **({"column": row.column} if row.column else {})}
    return LedgerRow(
        id=row.ledger_id,
        key=row.key,
        row=row.number,
        outcome=row.outcome,
        reasons=(row.code,),
        message=row.message,
        recipe=recipe,
        meta={**row.meta, **where},
    )


def repeat_row(row: LedgerRow, code: str, of: str, distance: float) -> LedgerRow:
    """A finished row whose asset repeats another one, `distance` apart: of its files the pictures alone stand."""
    how = f"looks like it, {distance:.3f} apart" if distance else "has the same geometry and colours"
    pictures = tuple(output for output in row.outputs if output.format in ("poster", "reference"))
    return replace(row, outcome="rejected", reasons=(code,), message=f"{code}: {of} {how}", outputs=pictures)


def drop_other_files(store: Store, id: str, outputs: Iterable[str]) -> None:
    """Remove what lies in the asset's folder beside these paths."""
    kept = set(outputs)
    for path in list(store.list(f"assets/{asset_folder(id)}")):
        if path not in kept:
            store.delete(path)
