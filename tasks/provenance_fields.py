"""An asset's provenance as named texts, for the metadata of formats that hold keys and values or plain comments."""

from __future__ import annotations

from ml.asset import Provenance
from tasks.plain_names import plain_name

APPLICATION = "Meshmill"


def provenance_fields(provenance: Provenance) -> dict[str, str]:
    """Key to text of what is known, in a fixed order, each on one line; empty for an asset without provenance.

    `source_type` is IPTC's digital source type of an AI-generated work (NewsCodes, trainedAlgorithmicMedia).
    """
    texts = {
        "title": provenance.title,
        "creator": provenance.creator,
        "copyright": provenance.copyright,
        "license": provenance.license,
        "generator": provenance.generator,
        "ai_generated": "true" if provenance.ai_generated else "",
        "source_type": "trainedAlgorithmicMedia" if provenance.ai_generated else "",
        "prompt": provenance.prompt,
        "seed": "" if provenance.seed is None else str(provenance.seed),
    }
    return {key: text for key, value in texts.items() if (text := plain_name(value.replace("\n", " "), ""))}
