"""Models of transformers and open_clip over pictures: tiny ones with random weights, saved and loaded as real ones."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers")

from ml.asset import Asset, InputError, Provenance, make_part
from ml.captioner import QUESTIONS, is_pinned, load_captioner, weights_folder
from ml.image_features import load_image_features
from tasks.alignment import QUALITY, AlignmentOptions, aligned, features_of
from tasks.caption import CaptionOptions, caption

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

WORDS = [
    *("<pad>", "<s>", "</s>", "<unk>", "<image>", "a", "red", "wooden", "chair", "with", "four", "legs"),
    *("describe", "the", "object", "in", "this", "picture"),
]
TEMPLATE = (
    "{% for turn in messages %}{% for part in turn.content %}"
    "{% if part.type == 'image' %}<image> {% else %}{{ part.text }} {% endif %}{% endfor %}{% endfor %}"
)


@pytest.fixture(scope="module")
def talker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LLaVA of 20,000 weights: CLIP's vision, Llama's language, words of its own."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )

    words = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special: dict[str, Any] = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, extra_special_tokens={"image_token": "<image>"}, **special
    )
    seen = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14
    )
    said = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    torch.manual_seed(3)
    config = LlavaConfig(vision_config=seen, text_config=said, image_token_index=4, image_seq_length=4)
    folder: Path = tmp_path_factory.mktemp("talker")
    LlavaForConditionalGeneration(config).save_pretrained(folder, safe_serialization=True)
    pixels = CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    LlavaProcessor(
        image_processor=pixels, tokenizer=tokenizer, patch_size=14, vision_feature_select_strategy="default",
        chat_template=TEMPLATE, num_additional_image_tokens=1,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def box(title: str = "", name: str = "asset") -> Asset:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 2) for z in (0, 1)], np.float32)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [[a, b, c] for p, q, r, s in quads for a, b, c in ((p, q, r), (p, r, s))]
    return Asset((make_part(corners, faces),), name=name, provenance=Provenance(title=title))


def said_by(folder: Path) -> str:
    return caption(box("A chair"), CaptionOptions(model=str(folder))).notes["caption_by"]


def test_a_model_in_a_folder_answers_at_three_lengths_and_always_the_same(talker: Path) -> None:
    found = caption(box("Oak chair"), CaptionOptions(model=str(talker), size=64))
    assert found.notes["caption_by"] == str(talker)
    assert found.metrics["caption.metadata"] == 0.0
    assert found.notes["caption_metadata"] == "Oak chair"
    texts = [found.notes[f"caption_{length}"] for length in ("short", "medium", "long")]
    assert all(word in WORDS for text in texts for word in text.split())
    assert not any("the object in this picture" in text for text in texts)  # the question is no part of the answer
    lengths = [len(text.split()) for text in texts]
    assert lengths == sorted(lengths)
    assert 0 < lengths[0] <= QUESTIONS[0].tokens < lengths[2] <= QUESTIONS[2].tokens
    assert caption(box("Oak chair"), CaptionOptions(model=str(talker), size=64)).notes == found.notes


def test_pictures_are_asked_together_as_they_are_alone(talker: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)
    whole = load_captioner(str(talker), 3).answers(pictures, QUESTIONS[0])
    assert load_captioner(str(talker), 1).answers(pictures, QUESTIONS[0]) == whole
    assert load_captioner(str(talker), 2).answers(pictures, QUESTIONS[0]) == whole


def test_the_calls_are_those_of_the_library() -> None:
    """What is passed by name has to be a parameter of what is called."""
    from transformers import AutoModelForImageTextToText, ProcessorMixin
    from transformers.generation import GenerationConfig

    template = inspect.signature(ProcessorMixin.apply_chat_template).parameters
    assert {"conversation"} <= set(template)
    assert {"max_new_tokens", "do_sample"} <= set(GenerationConfig().to_dict())
    assert "trust_remote_code" in inspect.getsource(AutoModelForImageTextToText.from_pretrained)


def test_without_weights_the_captions_are_those_of_metadata_and_say_why(tmp_path: Path, talker: Path) -> None:
    for name in (str(tmp_path / "nothing"), f"me/model@{'0' * 40}"):
        found = caption(box("Red wooden chair"), CaptionOptions(model=name))
        assert found.notes["caption_by"] == "metadata: weights.missing"
        assert found.notes["caption_long"] == "Red wooden chair"
        assert "chair" in found.notes["caption_short"]
        assert found.metrics["caption.metadata"] == 1.0
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "config.json").write_text((talker / "config.json").read_text())
    (pickled / "pytorch_model.bin").write_bytes(b"anything")
    with pytest.raises(InputError) as caught:
        weights_folder(str(pickled))
    assert caught.value.code == "weights.missing"
    (pickled / "model.safetensors").write_bytes(b"no tensors")
    assert (
        caption(box("A chair"), CaptionOptions(model=str(pickled))).notes["caption_by"] == "metadata: weights.unusable"
    )
    code = tmp_path / "code"
    code.mkdir()
    (code / "model.safetensors").write_bytes((talker / "model.safetensors").read_bytes())
    (code / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    config = {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModelForImageTextToText": "evil.M"}}
    (code / "config.json").write_text(json.dumps(config))
    assert said_by(code) == "metadata: weights.unusable"
    assert not (tmp_path / "ran").exists()
    assert is_pinned("folder")
    assert not is_pinned("me/model@main")
    with pytest.raises(ValueError, match="pin a revision"):
        CaptionOptions(model="me/model@main")


def test_a_pinned_commit_is_looked_for_on_this_machine_alone(monkeypatch: pytest.MonkeyPatch, talker: Path) -> None:
    import huggingface_hub

    asked: list[dict[str, Any]] = []

    def snapshot(repository: str, **options: Any) -> str:
        asked.append({"repository": repository, **options})
        return str(talker)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert weights_folder(f"me/model@{'0' * 40}") == talker
    assert asked == [{"repository": "me/model", "revision": "0" * 40, "local_files_only": True}]


def test_a_scorer_reads_two_models(tmp_path: Path) -> None:
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    folder = tmp_path / "dino"
    config = Dinov2Config(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)
    Dinov2Model(config).save_pretrained(folder, safe_serialization=True)
    BitImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}).save_pretrained(folder)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 3)).astype(np.uint8)
    lengths = np.linalg.norm(load_image_features(str(folder)).images(pictures), axis=1)
    assert lengths == pytest.approx([1.0, 1.0], abs=1e-4)
    scorer = tmp_path / "scorer.json"
    weights = [0.0] * 143 + [1.0]
    table = {"model": f"meshmill+{folder}", "weights": weights, "bias": 0.5, "labels": 9, "explained": 0.1}
    scorer.write_text(json.dumps(table))
    found = aligned(box(), "", AlignmentOptions(second=str(folder), scorer=str(scorer)))
    named = features_of(found.notes, QUALITY)
    assert named is not None
    assert (named[0], named[1].shape) == (f"meshmill+{folder}", (144,))
    assert found.metrics["quality.score"] == pytest.approx(0.5 + float(named[1][-1]), abs=1e-3)
    assert np.linalg.norm(named[1][128:]) == pytest.approx(1.0, abs=1e-3)
    alone = features_of(aligned(box(), "", AlignmentOptions()).notes)
    assert alone is not None
    assert named[1][:128] == pytest.approx(alone[1], abs=1e-3)
