"""What a recipe may name: generators, steps, exporters and profiles, with their options."""

from __future__ import annotations

from flows.plugins import load_plugins
from manifests.recipe import Catalogue
from ml.generators.registry import GENERATORS
from tasks.alignment import AlignmentOptions
from tasks.exporters import EXPORTERS
from tasks.profile import list_profiles, load_profile
from tasks.steps import STEPS
from tasks.thumbnail import ThumbnailOptions


def catalogue() -> Catalogue:
    """Names to option classes, for checking a recipe before anything runs."""
    load_plugins()
    return Catalogue(
        generators={name: options for name, (_, options) in GENERATORS.items()},
        steps={name: options for name, (_, options) in STEPS.items()},
        exports={name: exporter.options for name, exporter in EXPORTERS.items()},
        profiles={name: load_profile(name) for name in list_profiles()},
        thumbnail=ThumbnailOptions,
        alignment=AlignmentOptions,
        own_profile=load_profile,
    )
