"""Whether an asset may go to a target: its own licence, its generator's, and what the target makes of either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flows.licences import Licences
from flows.provenance import ALGORITHMS, IMPORT

Terms = Literal["sold", "licence"]  # under the target's own licence for money or not, or under the asset's licence


@dataclass(frozen=True)
class GeneratorTerms:
    """What a generator's licence says of its outputs (read in the licences, 2026-11; see each model's card)."""

    barred: tuple[str, ...] = ()  # territories, ISO 3166 codes; EU for the Union
    commercial: bool = True
    note: str = ""


# Models by the beginning of their generator's name. What is not here is not known, and has to be allowed by name.
GENERATOR_TERMS: dict[str, GeneratorTerms] = {
    "hunyuan3d": GeneratorTerms(("EU", "GB", "KR"), note="Tencent Hunyuan community licence: not in the EU, UK, Korea"),
    "stable-fast-3d": GeneratorTerms(note="Stability community licence: below 1 M USD of yearly revenue"),
    "spar3d": GeneratorTerms(note="Stability community licence: below 1 M USD of yearly revenue"),
    "shap-e": GeneratorTerms(note="MIT"),
    "triposr": GeneratorTerms(note="MIT"),
    "triposg": GeneratorTerms(note="MIT"),
    "trellis": GeneratorTerms(note="MIT; its renderer nvdiffrast is for non-commercial use", commercial=False),
    "step1x": GeneratorTerms(note="Apache-2.0"),
    "direct3d": GeneratorTerms(note="MIT"),
    "meshmill": GeneratorTerms(note="Apache-2.0"),
}


@dataclass(frozen=True)
class Use:
    """What the publisher does with assets: where they are offered, under whose terms, with or without AI."""

    terms: Terms
    territories: tuple[str, ...]  # where the target offers them; ("world",) for everywhere
    ai: Literal["allowed", "disclosed", "refused"] = "disclosed"
    allowed_generators: tuple[str, ...] = ()  # the user's word that a generator's terms are met


def conflict(row: Mapping[str, Any], use: Use, licences: Licences) -> tuple[str, str]:
    """Code and sentence of what forbids publishing a ledger row; ("", "") where nothing does."""
    for check in (_recipe, _own_licence, _generator, _ai):
        code, why = check(row, use, licences)
        if code:
            return code, why
    return "", ""


def licence_of(row: Mapping[str, Any]) -> str:
    """The licence the ledger has for a row, as written there."""
    return str((row.get("meta") or {}).get("license", "")).strip()


def ai_generated(row: Mapping[str, Any]) -> bool:
    """Whether a trained model made it, as the asset's own files say."""
    return row["generator"] not in ALGORITHMS and row["generator"] != IMPORT


def _recipe(row: Mapping[str, Any], use: Use, licences: Licences) -> tuple[str, str]:
    """The recipe's own list, where it has one: an unknown licence is not told twice."""
    code = licences.reason(row) if licences.restricts(row) else ""
    return (code, f"the recipe does not allow the licence {licence_of(row) or 'unknown'}") if code else ("", "")


def _own_licence(row: Mapping[str, Any], use: Use, licences: Licences) -> tuple[str, str]:
    """Creative Commons and the GPL by what their names promise (creativecommons.org/licenses, SPDX identifiers)."""
    name = licence_of(row)
    plain = name.upper().replace("_", "-").replace(" ", "-")
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
    name = str(row["generator"])
    if not ai_generated(row) or name in use.allowed_generators:
        return "", ""
    terms = next((terms for start, terms in GENERATOR_TERMS.items() if name.startswith(start)), None)
    if terms is None:
        return "generator.unknown", f"the terms of {name} are not known here; allow it by name if they permit this"
    barred = set(terms.barred) & set(use.territories)
    if terms.barred and (barred or "world" in use.territories):
        where = ", ".join(sorted(barred or terms.barred))
        return "generator.territory", f"{name} may not be used in {where} ({terms.note})"
    if not terms.commercial and use.terms == "sold":
        return "generator.non-commercial", f"{name}: {terms.note}"
    return "", ""


def _ai(row: Mapping[str, Any], use: Use, licences: Licences) -> tuple[str, str]:
    if use.ai == "refused" and ai_generated(row):
        return "ai.refused", "the target takes nothing that a generative model made"
    return "", ""
