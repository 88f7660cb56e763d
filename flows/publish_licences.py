"""Whether an asset may go to a target: its own licence, its generator's, and what the target makes of either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flows.licences import Licences
from flows.provenance import ALGORITHMS, IMPORT
from manifests.licences import plain_licence
from ml.generators.pretrained.card import OUTSIDE_TENCENT
from ml.generators.registry import GENERATORS

Terms = Literal["sold", "licence"]  # under the target's own licence for money or not, or under the asset's licence


OWN = frozenset({"shapes"})  # models of this house: Apache-2.0, as the house
EU = OUTSIDE_TENCENT - {"GB", "KR"}


@dataclass(frozen=True)
class Use:
    """What the publisher does with assets: where they are offered, under whose terms, with or without AI."""

    terms: Terms
    territories: tuple[str, ...]  # where the target offers them; ("world",) for everywhere
    ai: Literal["allowed", "disclosed", "refused"] = "disclosed"
    allowed_generators: tuple[str, ...] = ()  # the user's word that a generator's terms are met


def conflict(row: Mapping[str, Any], use: Use, licences: Licences) -> tuple[str, str]:
    """Code and sentence of what forbids publishing a ledger row; ("", "") where nothing does.

    `row` may have `helpers`, the names of further models that had a part in it.
    """
    for check in (_recipe, _own_licence, _source_licence, _generator, _helpers, _ai):
        code, why = check(row, use, licences)
        if code:
            return code, why
    return "", ""


def licence_of(row: Mapping[str, Any]) -> str:
    """The licence the ledger has for a row, as written there."""
    return str((row.get("meta") or {}).get("license", "")).strip()


def ai_generated(row: Mapping[str, Any]) -> bool:
    """Whether a trained model made it or changed it, as its generator, a step, its own file or the manifest says."""
    said = str((row.get("meta") or {}).get("ai_generated", "")).strip().lower()
    return _by_model(row) or said in ("true", "yes", "1")


def helpers(row: Mapping[str, Any], recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """Models of pictures that had a part in a row, as its recipe names them: what drew its words, what redrew it."""
    meta, found = row.get("meta") or {}, []
    if (meta.get("made_from") or {}).get("pictures"):
        found.append(recipe.get("generator", {}).get(row["generator"], {}).get("text_to_image", ""))
    if "distill_edit" in meta:
        found += [step.get("model", "") for step in recipe.get("steps", ()) if step.get("use") == "distill_edit"]
    return tuple(dict.fromkeys(str(name) or "a model of pictures" for name in found))


def _by_model(row: Mapping[str, Any]) -> bool:
    return row["generator"] not in ALGORITHMS and row["generator"] != IMPORT


def _recipe(row: Mapping[str, Any], use: Use, licences: Licences) -> tuple[str, str]:
    """The recipe's own list, where it has one: an unknown licence is not told twice."""
    code = licences.reason(row) if licences.restricts(row) else ""
    return (code, f"the recipe does not allow the licence {licence_of(row) or 'unknown'}") if code else ("", "")


def _own_licence(row: Mapping[str, Any], use: Use, licences: Licences) -> tuple[str, str]:
    """What the row's licence forbids."""
    return _forbidden(licence_of(row), row, use)


def _source_licence(row: Mapping[str, Any], use: Use, licences: Licences) -> tuple[str, str]:
    """What the licence forbids that the imported file names itself, whatever the manifest says of it."""
    name = str((row.get("meta") or {}).get("source_license", ""))
    if not name or row["generator"] != IMPORT:
        return "", ""
    code, why = _forbidden(name, row, use)
    return (code, f"the source file says of itself: {why}") if code else ("", "")


def _forbidden(name: str, row: Mapping[str, Any], use: Use) -> tuple[str, str]:
    """Creative Commons and the GPL by what their names promise (creativecommons.org/licenses, SPDX identifiers)."""
    plain = plain_licence(name).upper().replace("_", "-").replace(" ", "-")
    if not plain:
        if row["generator"] == IMPORT or row.get("parent"):
            return "licence.unknown", "an imported mesh without a licence is somebody's; give the row its licence"
        return "", ""
    parts = set(plain.removeprefix("CC-").split("-"))
    creative = plain.startswith(("CC-", "BY", "CC0"))
    if plain in ("PROPRIETARY", "ALL-RIGHTS-RESERVED", "NONE", "UNLICENSED") and row["generator"] == IMPORT:
        return "licence.reserved", f"{name}: the source's rights are reserved"
    if creative and "ND" in parts and row["generator"] == IMPORT:
        return "licence.no-derivatives", f"{name} forbids sharing what was changed, and every asset here was"
    if use.terms == "sold":
        if creative and "NC" in parts:
            return "licence.non-commercial", f"{name} forbids commercial use"
        if creative and "SA" in parts:
            return "licence.share-alike", f"{name} asks for the same licence, the target has its own"
        if plain.startswith(("GPL", "AGPL", "LGPL", "ODBL")):
            return "licence.copyleft", f"{name} asks for the same licence, the target has its own"
    return "", ""


def _generator(row: Mapping[str, Any], use: Use, licences: Licences) -> tuple[str, str]:
    """The licences on the generator's card: places where they give no rights, and limits on what is sold."""
    name = str(row["generator"])
    if not _by_model(row) or name in OWN or name in use.allowed_generators:
        return "", ""
    card = getattr(GENERATORS[name][0], "card", None) if name in GENERATORS else None
    if card is None:
        return "generator.unknown", f"the terms of {name} are not known here; allow it by name if they permit this"
    for licence in card.licences:
        offered = _countries(use.territories)
        barred = licence.barred if "world" in offered else licence.barred & offered
        if barred:
            return "generator.territory", f"{licence.name} gives {name} no rights in {', '.join(sorted(barred))}"
        if licence.limits and use.terms == "sold":
            why = f"{licence.name}, for {name}: {licence.limits}; allow {name} by name where that is met"
            return "generator.limits", why
    return "", ""


def _helpers(row: Mapping[str, Any], use: Use, licences: Licences) -> tuple[str, str]:
    """Models of pictures have no card here: each has to be vouched for."""
    for name in row.get("helpers", ()):
        if name not in use.allowed_generators:
            return "generator.unknown", f"{name} drew for it, on terms not known here; allow it by name if they permit"
    return "", ""


def _countries(territories: tuple[str, ...]) -> frozenset[str]:
    """Codes of countries, `EU` written out."""
    return frozenset(territories) | (EU if "EU" in territories else frozenset())


def _ai(row: Mapping[str, Any], use: Use, licences: Licences) -> tuple[str, str]:
    if use.ai == "refused" and ai_generated(row):
        return "ai.refused", "the target takes nothing that a generative model made"
    return "", ""
