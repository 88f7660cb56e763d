"""A refinement run: rows that name a parent asset and an instruction become new versions beside their parents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import islice
from typing import Any

from flows.chunk_work import ChunkWork, Line
from flows.chunks import Chunk, Keyed
from flows.jobs import Failure
from flows.parents import Parent
from flows.progress import Progress
from flows.refine_work import RefineWork, Version, maker_of
from flows.run import FACTS, Run, RunConfig
from manifests.errors import RecipeError
from manifests.recipe import Recipe, load_recipe
from manifests.recipe_shelf import keep_recipe, kept_recipe
from manifests.refinement import Refinement, read_refinements, refused
from manifests.row import InvalidRow, postponed_key
from manifests.versions import last_numbers, number_of, root_of, rows_by_id, version_id, version_of
from ml.asset import InputError
from tasks.region import parse_region

# One file for each refinement run that is under way: the numbers of its versions, so that a restart gives the same,
# and the facts of the report. It goes when the report is written.
UNDER_WAY = "refining"


@dataclass(frozen=True)
class RefineConfig(RunConfig):
    """What a user asks for. `recipe` is "" for each parent's own."""

    recipe: str = ""

    def prepare(self, progress: Progress | None = None) -> RefineRun:
        """The run that was asked for; raises RecipeError."""
        return RefineRun(self, progress)


class RefineRun(Run):
    """A refinement run. All its rows are in memory: people write them, and the review page."""

    def _recipe(self) -> Recipe:
        """The one asked for; "" leaves the choice to the parents, and this one names rows without a parent."""
        return load_recipe(self.config.recipe or "game-ready", self.catalogue, self.config.auto_fix)

    def check_manifest(self) -> None:
        """Raises ManifestError for a file that holds no refinements, before anything is written."""
        next(read_refinements(self.config.manifest), None)

    def work(self, line: Line, chunk: Chunk) -> ChunkWork:
        """What makes a chunk's versions."""
        return RefineWork(line, chunk, self._planned.versions)

    def models(self) -> Iterator[tuple[str, object]]:
        """Models that instructions ask for, each once, with their options."""
        return iter(dict.fromkeys(map(maker_of, self._planned.versions.values())))

    def _refusal(self, keyed: Keyed) -> Failure | None:
        version = self._planned.versions.get(keyed.key)
        return self.readiness.refusal(*maker_of(version)) if version else None

    def begin(self) -> None:
        """Before the first chunk: numbers and facts are written down, so that a restart gives and finds the same."""
        numbers = {key: [version.parent.root, version.number] for key, version in self._planned.versions.items()}
        facts = self.facts()
        self.store.put(self._under_way, json.dumps({"numbers": numbers, "facts": facts}).encode(), durable=True)
        versions = self._planned.versions.values()
        for recipe in {each.recipe.digest: each.recipe for each in versions if each.parent.mesh}.values():
            keep_recipe(self.store, recipe)

    def reported(self) -> bool:
        """Whether the report shows what the ledger holds."""
        return not self.store.exists(self._under_way) and super().reported()

    def facts(self) -> dict[str, Any] | None:
        """The facts of the run that made the parents; a killed refinement run has kept them."""
        if self.store.exists(FACTS):
            return _read(self.store.read(FACTS)) or None
        return next((each["facts"] for each in self._runs_under_way().values() if each.get("facts")), None)

    def close(self) -> None:
        """After the report: nothing is left to go on with."""
        self.store.delete(self._under_way)

    def _keyed(self) -> Iterator[Keyed]:
        return iter(self._planned.rows)

    @cached_property
    def _under_way(self) -> str:
        """Where this run's numbers are: a name that the same rows give again."""
        keys = "".join(keyed.key for keyed in self._planned.rows)
        return f"{UNDER_WAY}/{blake2b(keys.encode(), digest_size=8).hexdigest()}.json"

    def _runs_under_way(self) -> dict[str, dict[str, Any]]:
        return {path: _read(self.store.read(path)) for path in list(self.store.list(UNDER_WAY))}

    @cached_property
    def _planned(self) -> Planned:
        """All rows with their keys, those that are wrong as invalid ones, and the versions that are to be made."""
        assert self.index is not None  # reading it puts right what a kill left in the ledger, before it is asked below
        rows = list(islice(read_refinements(self.config.manifest), self.config.limit))
        named = [row for row in rows if isinstance(row, Refinement)]
        found = rows_by_id(self.ledger, [name for row in named for name in (row.parent, row.id) if name])
        plan, numbers = Planned([], {}), self._numbers(found)
        for row in rows:
            checked = _checked(row, found)
            if isinstance(checked, Refinement):
                self._plan_version(plan, checked, Parent(found[checked.parent]), numbers)
            else:
                plan.rows.append(Keyed(checked.key, checked))
        return plan

    def _plan_version(self, plan: Planned, row: Refinement, parent: Parent, numbers: Numbers) -> None:
        """Add a version under its id; one that the ledger holds is only told by its key."""
        recipe = self._recipe_of(parent, row)
        if isinstance(recipe, InvalidRow):
            plan.rows.append(Keyed(recipe.key, recipe))
            return
        key, id = parent.key(row, recipe.digest), row.id
        if key not in self.index:
            number = self._postponed_number(key) or numbers.of(key, parent.root)
            id = id or version_id(parent.root, number)
            plan.versions[key] = Version(row, parent, number, recipe)
        plan.rows.append(Keyed(key, parent.as_row(id, row)))

    def _postponed_number(self, key: str) -> int:
        """The number under which the ledger says that there was no model for the version; 0 where it does not."""
        late = postponed_key(key)
        found = self.ledger.rows(f"key = '{late}'") if late in self.index else iter(())
        return next((number_of(row) for row in found), 0)

    def _recipe_of(self, parent: Parent, row: Refinement) -> Recipe | InvalidRow:
        if self.config.recipe:
            return self.recipe
        digest = parent.recipe
        try:
            if digest not in self._recipes:
                self._recipes[digest] = kept_recipe(self.store, digest, self.catalogue) if digest else self.recipe
        except RecipeError as error:
            return refused(row, "parent", "refine.no-recipe", f"{error}; name one with --recipe")
        return self._recipes[digest]

    @cached_property
    def _recipes(self) -> dict[str, Recipe]:
        return {}

    def _numbers(self, found: Mapping[str, Mapping[str, Any]]) -> Numbers:
        """Where numbering goes on: behind the ledger's versions, and those of runs that are under way."""
        last, given = last_numbers(self.ledger, map(root_of, found.values())), dict[str, int]()
        for each in self._runs_under_way().values():
            for key, (root, number) in each.get("numbers", {}).items():
                given[key] = number
                last[root] = max(last.get(root, 1), number)
        return Numbers(last, given)


@dataclass
class Planned:
    """What a file of refinements comes to."""

    rows: list[Keyed]
    versions: dict[str, Version]  # by key


@dataclass
class Numbers:
    """The numbers of new versions: those given before a restart, else the next of the tree."""

    last: dict[str, int]
    given: Mapping[str, int]

    def of(self, key: str, root: str) -> int:
        """The number of the version with this key."""
        if key not in self.given:
            self.last[root] = self.last.get(root, 1) + 1
            return self.last[root]
        return self.given[key]


def _checked(row: Refinement | InvalidRow, found: Mapping[str, Mapping[str, Any]]) -> Refinement | InvalidRow:
    """The row, or what is wrong with the parent, the region or the id it names."""
    if isinstance(row, InvalidRow):
        return row
    if row.parent not in found:
        return refused(row, "parent", "refine.unknown-parent", f"the ledger holds no asset {row.parent!r}")
    other = found.get(row.id)
    if other is not None and (other["parent"] != row.parent or not version_of(other)):
        return refused(row, "id", "refine.id-taken", f"id {row.id!r} is that of another asset")
    try:
        parse_region(row.region)
    except InputError as error:
        return refused(row, "region", error.code, error.message)
    return row


def _read(data: bytes) -> dict[str, Any]:
    """A JSON object; {} for what a power cut may leave."""
    try:
        content = json.loads(data)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
