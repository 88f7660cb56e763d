"""The parents of refinements: what the ledger says of how an asset was made, read back into a row, a recipe, a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from flows.binding import Bound, bind
from manifests.recipe import Recipe
from manifests.refinement import Refinement
from manifests.row import Row
from manifests.versions import root_of, version_of
from tasks.refinement import Change, Origin, frame_steps, keep_frame

VERSION = "refine/1"  # part of every key: change it when the same row would give another asset
SAID = ("prompt", "title", "license", "category", "style")  # of a row, under their own names in the ledger's meta


@dataclass(frozen=True)
class Parent:
    """A row of the ledger that is refined."""

    row: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.row["id"])

    @property
    def root(self) -> str:
        """The id its tree grew from."""
        return root_of(self.row)

    @property
    def made_from(self) -> dict[str, Any]:
        """Its raw mesh, recipe, row and changes; {} where it never became a mesh, or before these were kept."""
        found = self.row["meta"].get("made_from")
        return dict(found) if isinstance(found, dict) else {}

    @property
    def mesh(self) -> str:
        """The digest of its raw mesh; "" for none."""
        return str(self.made_from.get("mesh") or "")

    @property
    def recipe(self) -> str:
        """The digest of its recipe; "" for none."""
        return str(self.made_from.get("recipe") or "")

    @property
    def changes(self) -> tuple[Change, ...]:
        """The instructions that were carried out since its root, oldest first."""
        return tuple(Change(**each) for each in self.made_from.get("changes", ()))

    def as_row(self, id: str, row: Refinement) -> Row:
        """The parent's manifest row, to be made as another version."""
        meta = self.row["meta"]
        said = {name: meta[name] for name in SAID if meta.get(name)}
        tags = tuple(meta["tags"].split(", ")) if meta.get("tags") else ()
        return Row(
            number=int(self.row["row"]),  # versions stand behind their root in the ledger's order
            line=row.line,
            id=id,
            seed=self.row["seed"],
            generator=self.row["generator"],
            tags=tags,
            meta=row.meta,
            **said,
            **self.made_from.get("row", {}),
        )

    def bind(self, row: Row, recipe: Recipe) -> tuple[Bound, Origin]:
        """What to do for a version of it, and how it came about itself."""
        bound = bind(row, recipe, int(self.row["seed"] or 0))
        steps, kept = bound.plan.steps, keep_frame(bound.plan.steps)
        drawn = self.row["generator"] == "procedural"
        origin = Origin(
            frame=frame_steps(kept if version_of(self.row).get("root") else steps),
            request=bound.request if drawn else None,
            options=bound.options,
            drawn_frame=frame_steps(steps),
            changes=self.changes,
        )
        # Its pictures showed the asset before it was to look otherwise; another seed would be another asset.
        plan = replace(bound.plan, steps=kept, pictures=())
        return replace(bound, plan=plan, attempts=1, otherwise=""), origin

    def key(self, row: Refinement, recipe: str) -> str:
        """32 hex digits over all that decides a version: the parent's content, the instruction, region and recipe."""
        meta = tuple(sorted(row.meta.items()))
        content = (self.id, self.row["key"], self.mesh, row.instruction, row.region, row.id, meta, recipe, VERSION)
        return blake2b(ascii(content).encode(), digest_size=16).hexdigest()


def changed(old: Mapping[str, float], new: Mapping[str, float]) -> dict[str, list[float | None]]:
    """Measures that differ between two versions as [old, new], None where one has none; rounding noise is left out."""
    found: dict[str, list[float | None]] = {}
    for name in sorted(old.keys() | new.keys()):
        a, b = old.get(name), new.get(name)
        if a is None or b is None or abs(a - b) > 1e-6 * max(abs(a), abs(b)):
            found[name] = [a if a is None else _short(a), b if b is None else _short(b)]
    return found


def _short(value: float) -> float:
    return float(f"{value:.6g}")
