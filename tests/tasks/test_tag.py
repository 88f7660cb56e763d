"""Zero-shot tags: probabilities that a profile can filter by, with a model of open_clip, and a code without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.asset import Asset, make_part
from tasks.metrics import is_metric
from tasks.tag import TAGS, TagOptions, tag

pytestmark = pytest.mark.slow
CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny dual encoder of open_clip with random weights, in a safetensors file."""
    import json

    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("clip")
    (folder / "tiny-tags.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(folder / "tiny-tags.json")
    torch.manual_seed(0)
    weights = open_clip.create_model("tiny-tags").state_dict()
    save_file({name: value.contiguous() for name, value in weights.items()}, folder / "weights.safetensors")
    return f"tiny-tags@{folder / 'weights.safetensors'}"


def pyramid(color: float) -> Asset:
    points = [[0, 0, 0], [1, 0, 0], [0, 0, 1], [0.3, 1, 0.3]]
    return Asset((make_part(np.array(points), [[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]]),))


def test_tags_are_probabilities_of_all_that_is_asked(model: str) -> None:
    found = tag(pyramid(0.5), TagOptions(model=model))
    chances = {name: found.metrics[f"tag.{name}"] for name in TAGS}
    assert sum(chances.values()) == pytest.approx(1.0)
    assert found.notes["tag"] == max(chances, key=lambda name: chances[name])
    assert all(is_metric(f"tag.{name}") for name in TAGS)
    own = tag(pyramid(0.5), TagOptions(model=model, tags=("red=a red thing", "blue=a blue thing")))
    assert {name for name in own.metrics if name.startswith("tag.")} == {"tag.red", "tag.blue"}


@pytest.mark.parametrize("model_name", ["", "meshmill", "nobody@/nowhere.safetensors"])
def test_without_weights_nothing_is_measured_and_the_note_says_so(model_name: str) -> None:
    found = tag(pyramid(0.5), TagOptions(model=model_name))
    assert found.notes["tag"] == "none: weights.missing"
    assert not any(name.startswith("tag.") for name in found.metrics)


def test_what_is_no_tag_is_refused(tmp_path: Path) -> None:
    for wrong in ("figure", "Figure=x", "=x", "a="):
        with pytest.raises(ValueError, match="NAME=what is asked"):
            TagOptions(tags=(wrong,))
