"""Pipelines of both kinds for the tests of distillation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import tiny_pipelines


@pytest.fixture
def latent_pipeline(tmp_path: Path) -> Any:
    return tiny_pipelines.latent_pipeline(tmp_path)


@pytest.fixture
def pixel_pipeline(tmp_path: Path) -> tiny_pipelines.PixelPipeline:
    return tiny_pipelines.PixelPipeline(tiny_pipelines.tiny_tokenizer(tmp_path / "tokenizer"))
