"""What the files of a row's asset say about its origin."""

from __future__ import annotations

from manifests.provenance import ProvenanceOptions
from manifests.row import Row
from ml.asset import Provenance

# Generators that run no trained model; what any other one makes is marked as AI-generated, plugins included.
# `reconstruct` fits a field to one asset's own views and knows nothing else.
ALGORITHMS = frozenset({"procedural", "inflate", "visual-hull", "reconstruct", "noop"})
IMPORT = "mesh"


def provenance_of(row: Row, said: ProvenanceOptions, generator: str, seed: int) -> Provenance:
    """The row's title and licence, the recipe's owner, and how the asset was made; an import was not made here."""
    made = generator != IMPORT
    return Provenance(
        title=row.title,
        creator=said.creator,
        copyright=said.copyright,
        license=row.license or said.license,
        generator=generator if made else "",
        ai_generated=made and generator not in ALGORITHMS,
        prompt=row.prompt if made and said.prompt else "",
        seed=seed if made and said.seed else None,
    )
