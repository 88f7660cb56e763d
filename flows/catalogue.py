"""What a recipe may name: generators, steps, exporters and profiles, with their options, handed to the recipe reader."""

from __future__ import annotations

from manifests.recipe import Catalogue
from ml.generators.registry import GENERATORS
from tasks.exporters import EXPORTERS
from tasks.profile import list_profiles
from tasks.steps import STEPS
from tasks.thumbnail import ThumbnailOptions


def catalogue() -> Catalogue:
    """Names to option classes, for checking a recipe before anything runs."""
    return Catalogue(
        generators={name: options for name, (_, options) in GENERATORS.items()},
        steps={name: options for name, (_, options) in STEPS.items()},
        exports={name: exporter.options for name, exporter in EXPORTERS.items()},
        profiles=frozenset(list_profiles()),
        thumbnail=ThumbnailOptions,
    )
