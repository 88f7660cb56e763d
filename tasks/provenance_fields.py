"""An asset's provenance as named texts, for the metadata of formats that hold keys and values or plain comments."""

from __future__ import annotations

from ml.asset import Provenance
from tasks.plain_names import plain_name

APPLICATION = "Meshmill"


def source_type(provenance: Provenance) -> str:
    """IPTC's digital source type (NewsCodes): what a trained model made, what another algorithm made, or ""."""
    if provenance.ai_generated:
        return "trainedAlgorithmicMedia"
    return "algorithmicMedia" if provenance.generator else ""


def provenance_fields(provenance: Provenance) -> dict[str, str]:
    """Key to text of what is known, in a fixed order, each on one line; empty for an asset without provenance."""
    texts = {
        "title": provenance.title,
        "creator": provenance.creator,
        "copyright": provenance.copyright,
        "license": provenance.license,
        "generator": provenance.generator,
        "ai_generated": "true" if provenance.ai_generated else "",
        "source_type": source_type(provenance),
        "prompt": provenance.prompt,
        "seed": "" if provenance.seed is None else str(provenance.seed),
    }
    return {key: text for key, value in texts.items() if (text := plain_name(value.replace("\n", " "), ""))}
