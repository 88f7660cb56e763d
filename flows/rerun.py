"""A rerun: chosen rows of a finished manifest go through again, and no other row is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from flows.binding import generator_version
from flows.chunks import Chunk, cut
from flows.progress import Progress
from flows.run import Run, RunConfig
from manifests.errors import LedgerError
from manifests.index import U64, id_hashes
from manifests.ledger import Ledger
from manifests.row import Row
from ml.generators.registry import GENERATORS

CURRENT = "current"  # the recipe of the call, the generators as they are installed
MODEL = "json_extract_string(meta, '$.made_from.model')"
RECIPE = "json_extract_string(meta, '$.made_from.recipe')"
UNDER_WAY = "rerunning"  # one file a rerun that is not finished: which rows, and from where on they count as made again


@dataclass(frozen=True)
class Selection:
    """Which rows of the ledger; all that is given has to hold."""

    reason: str = ""  # a code, or its beginning up to a dot; `gate.` in front of a gate's code may be left out
    stage: str = ""  # that the row went through: a step, export.FORMAT, generate, measure, poster
    chunk: str = ""  # a part of the ledger by its name
    outcome: str = ""
    recipe: str = ""  # name or digest of the recipe that made it
    model: str = ""  # generator, or generator/version
    where: str = ""  # an SQL condition of the user's own
    other_recipe: str = ""  # than this one, by name or digest, made it; CURRENT for the call's own
    other_model: str = ""  # version of the generator than this generator/version made it; CURRENT for those installed

    def condition(self) -> str:
        """As SQL over the ledger's columns, `chunk` left out."""
        found = []
        if self.reason:
            code = self.reason.removeprefix("gate.")
            alike = [f"r = {_text(code)}", f"r = {_text(self.reason)}", f"starts_with(r, {_text(code + '.')})"]
            found.append(f"len(list_filter(reasons, lambda r: {' or '.join(alike)})) > 0")
        if self.stage:
            found.append(f"list_contains(map_keys(timings), {_text(self.stage)})")
        if self.outcome:
            found.append(f"outcome = {_text(self.outcome)}")
        if self.recipe:
            found.append(f"(recipe = {_text(self.recipe)} or {RECIPE} = {_text(self.recipe)})")
        if self.other_recipe:
            found.append(f"(recipe <> {_text(self.other_recipe)} and {RECIPE} <> {_text(self.other_recipe)})")
        if self.model:
            found.append(f"(generator = {_text(self.model)} or {MODEL} = {_text(self.model)})")
        if self.other_model == CURRENT:
            installed = ", ".join(_text(generator_version(name)) for name in GENERATORS)
            found.append(f"generator in ({', '.join(map(_text, GENERATORS))}) and {MODEL} not in ({installed})")
        elif self.other_model:
            name = self.other_model.partition("/")[0]
            found.append(f"(generator = {_text(name)} and {MODEL} <> {_text(self.other_model)})")
        if self.where:
            found.append(f"({self.where}\n)")
        return " and ".join(found) or "true"

    def __bool__(self) -> bool:
        return self != Selection()

    def hashes(self, ledger: Ledger) -> U64:
        """Sorted digests of the ids chosen; raises LedgerError for a wrong condition or an unknown chunk."""
        rows = ledger.rows(self.condition(), columns=["id"])
        chosen = np.unique(np.fromiter((id_hashes([row["id"]])[0] for row in rows), dtype=np.uint64))
        if not self.chunk:
            return chosen
        for marker in ledger.markers():
            if marker.chunk == self.chunk:
                return np.intersect1d(chosen, marker.ids)
        raise LedgerError(f"the ledger has no chunk {self.chunk!r}")


@dataclass(frozen=True)
class RerunConfig(RunConfig):
    """What a user asks for."""

    selection: Selection = field(default_factory=Selection)

    def prepare(self, progress: Progress | None = None) -> RerunRun:
        """The run that was asked for; raises RecipeError."""
        return RerunRun(self, progress)


class RerunRun(Run):
    """A run of the chosen rows alone. Killed, the same call goes on with those that are not made again yet."""

    config: RerunConfig

    def chunks(self) -> Iterator[Chunk]:
        """Chunks of chosen rows that the manifest still holds, whether their keys are the ledger's or not.

        Raises TooManyInvalid, ManifestError.
        """
        remaining = self._remaining
        salt = self._under_way.encode()  # a chunk of the same rows that was finished once is not this one
        for rows in cut(self._keyed(), self.config.chunk_rows):
            names = [keyed.row.id if isinstance(keyed.row, Row) else keyed.row.ledger_id for keyed in rows]
            again = np.isin(id_hashes(names), remaining)
            chosen = [keyed for keyed, wanted in zip(rows, again, strict=True) if wanted]
            self.summary.rows += len(chosen)
            self._count_invalid(chosen)
            if chosen:
                yield Chunk(chosen, salt)

    def begin(self) -> None:
        """Before the first chunk: what was chosen is written down, so that a restart chooses the same."""
        if not self.store.exists(self._under_way):
            content = {"written": self._plan[0], "ids": self._plan[1].tolist()}
            self.store.put(self._under_way, json.dumps(content).encode(), durable=True)
        super().begin()

    def reported(self) -> bool:
        """Whether the report shows what the ledger holds."""
        return not self.store.exists(self._under_way) and super().reported()

    def close(self) -> None:
        """After the report: nothing is left to go on with."""
        self.store.delete(self._under_way)

    @cached_property
    def _under_way(self) -> str:
        asked = repr((self.config.selection, self.config.manifest, self.recipe.digest, self.config.seed))
        return f"{UNDER_WAY}/{blake2b(asked.encode(), digest_size=8).hexdigest()}.json"

    @cached_property
    def _plan(self) -> tuple[int, U64]:
        """The count of chunks written when the rerun began, and the rows chosen then."""
        assert self.index is not None  # reading it puts right what a kill left in the ledger, before it is asked below
        if self.store.exists(self._under_way):
            kept: dict[str, Any] = json.loads(self.store.read(self._under_way))
            return kept["written"], np.array(kept["ids"], dtype=np.uint64)
        written = max((marker.written for marker in self.ledger.markers()), default=0)
        selection = self.config.selection
        if selection.other_recipe == CURRENT:
            selection = replace(selection, other_recipe=self.recipe.digest)
        return written, selection.hashes(self.ledger)

    @cached_property
    def _remaining(self) -> U64:
        """Rows chosen that no chunk written since then holds."""
        written, chosen = self._plan
        since = [marker.ids for marker in self.ledger.markers() if marker.written > written]
        return np.setdiff1d(chosen, np.concatenate([np.empty(0, np.uint64), *since]))


def _text(value: str) -> str:
    """An SQL string."""
    return "'" + value.replace("'", "''") + "'"
