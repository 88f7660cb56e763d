"""One chunk of refinements: the line of a normal run, each raw mesh made from its parent's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from flows.binding import Bound
from flows.chunk_work import ChunkWork, Line
from flows.chunks import Chunk, Keyed
from flows.jobs import Failure, Generated, GenerateJob, Processed
from flows.outcomes import made_from
from flows.parents import Parent, changed
from flows.refine_job import RefineJob
from manifests.ledger_row import LedgerRow
from manifests.recipe import Recipe
from manifests.refinement import Refinement
from manifests.row import Row
from tasks.refinement import NOTE, Change, Origin, asks_distillation

ANYWHERE = "procedural"  # a generator that runs on the CPU: where refinements run as well
PICTURES = "distill"  # the one that has a model of pictures, under limits and on a share of a GPU that fit it


@dataclass(frozen=True)
class Version:
    """A version to make."""

    row: Refinement
    parent: Parent
    number: int
    recipe: Recipe


def maker_of(version: Version) -> tuple[str, object]:
    """Whom a version is asked of: the recipe's model of pictures where the instruction says so, else any CPU. The
    generator that made the parent is not asked again."""
    if asks_distillation(version.row.instruction):
        return PICTURES, version.recipe.generator_options[PICTURES]
    return ANYWHERE, None


class RefineWork(ChunkWork):
    """Runs one chunk of versions, given by key."""

    def __init__(self, line: Line, chunk: Chunk, versions: Mapping[str, Version]) -> None:
        super().__init__(line, chunk)
        self.versions = versions
        self.origins: dict[str, Origin] = {}

    def _bind(self, keyed: Keyed) -> Bound:
        assert isinstance(keyed.row, Row)
        version = self.versions[keyed.key]
        bound, self.origins[keyed.key] = version.parent.bind(keyed.row, version.recipe)
        return bound

    def _maker(self, keyed: Keyed) -> tuple[str, object]:
        return maker_of(self.versions[keyed.key])

    def _generate_job(self, keyed: Keyed) -> GenerateJob:
        bound, version = self.bound[keyed.key], self.versions[keyed.key]
        said = (version.row.instruction, version.row.region)
        return RefineJob(
            *self._maker(keyed), bound.request, self.line.store, version.parent.mesh, self.origins[keyed.key], *said
        )

    def _origin(self, keyed: Keyed, generated: Generated) -> dict[str, Any]:
        assert isinstance(keyed.row, Row)
        version = self.versions[keyed.key]
        return {"made_from": made_from(keyed.row, version.recipe, self.bound[keyed.key], generated.digest)}

    def _ledger_row(self, keyed: Keyed, generated: Generated | None, answer: Processed | Failure) -> LedgerRow:
        row = super()._ledger_row(keyed, generated, answer)
        version = self.versions[keyed.key]
        meta, parent = dict(row.meta), version.parent
        done = json.loads(meta.pop(NOTE, "{}"))
        said = {
            "root": parent.root,
            "number": version.number,
            "since": version.number,
            "parent_key": parent.row["key"],
            "instruction": version.row.instruction,
            **({"region": version.row.region} if version.row.region else {}),
        }
        metrics = row.metrics
        if isinstance(answer, Processed):
            metrics = {**row.metrics, **done.get("measured", {})}
            how = Change(done["how"], version.row.instruction, version.row.region)
            meta["made_from"] = {**meta["made_from"], "changes": [asdict(each) for each in (*parent.changes, how)]}
            said |= {"how": how.how, "understood": done["understood"]}
            said |= {"changes": changed(parent.row["metrics"], row.metrics)}
        return replace(row, parent=parent.id, metrics=metrics, meta={**meta, "version": said})
