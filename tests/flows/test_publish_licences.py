"""Licences block publishing: a table of who may go where, and why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from publish_rows import a_run

from flows.publish import PublishConfig, publish
from manifests.store import Store

FREE, SOLD = "site", "fab"


@pytest.mark.parametrize(
    ("target", "generator", "licence", "code"),
    [
        (FREE, "mesh", "", "licence.unknown"),
        (FREE, "procedural", "", ""),
        (FREE, "mesh", "CC-BY-NC-4.0", ""),
        (SOLD, "mesh", "CC-BY-NC-4.0", "licence.non-commercial"),
        (SOLD, "mesh", "cc by-nc 4.0", "licence.non-commercial"),
        (SOLD, "mesh", "Creative Commons - Attribution - NonCommercial", "licence.non-commercial"),
        (FREE, "mesh", "Creative Commons Attribution-NoDerivs", "licence.no-derivatives"),
        (SOLD, "mesh", "CC-BY-SA-4.0", "licence.share-alike"),
        (FREE, "mesh", "CC-BY-SA-4.0", ""),
        (FREE, "mesh", "CC-BY-ND-4.0", "licence.no-derivatives"),
        (SOLD, "mesh", "GPL-3.0-only", "licence.copyleft"),
        (SOLD, "mesh", "CC0-1.0", ""),
        (SOLD, "mesh", "CC-BY-4.0", ""),
        (FREE, "mesh", "proprietary", "licence.reserved"),
        (FREE, "hunyuan3d-2.1", "", "generator.territory"),
        (SOLD, "trellis2", "", "generator.limits"),
        (FREE, "trellis2", "", ""),
        (SOLD, "shapes", "", ""),
        (SOLD, "command", "", "generator.unknown"),
        (FREE, "somebodys-own", "", "generator.unknown"),
        (SOLD, "triposg", "", ""),
    ],
)
def test_who_may_go_where(tmp_path: Path, target: str, generator: str, licence: str, code: str) -> None:
    files = (("glb", ".glb", 0), ("fbx", ".fbx", 0))
    a_run(tmp_path, [1], generator=generator, files=files, meta={"license": licence})
    outcome = publish(PublishConfig(str(tmp_path), target, {"to": str(tmp_path / "there")}))
    assert [told.code for told in outcome.told] == ([code] if code else [])


@pytest.mark.parametrize(
    ("target", "licence", "own", "code"),
    [
        (SOLD, "CC0-1.0", "CC-BY-NC-4.0", "licence.non-commercial"),
        (FREE, "CC0-1.0", "CC-BY-NC-4.0", ""),
        (FREE, "CC0-1.0", "CC-BY-ND-4.0", "licence.no-derivatives"),
        (SOLD, "", "CC-BY-4.0", ""),  # the manifest says nothing, the file does
        (SOLD, "", "", "licence.unknown"),
    ],
)
def test_what_an_imported_file_says_of_itself_binds(
    tmp_path: Path, target: str, licence: str, own: str, code: str
) -> None:
    files = (("glb", ".glb", 0), ("fbx", ".fbx", 0))
    a_run(tmp_path, [1], generator="mesh", files=files, meta={"license": licence, "source_license": own})
    outcome = publish(PublishConfig(str(tmp_path), target, {"to": str(tmp_path / "there")}))
    assert [told.code for told in outcome.told] == ([code] if code else [])


RECIPES = {
    "pictures": '[generator]\nname = "triposg"\n[generator.triposg]\ntext_to_image = "some/painter"\n',
    "step": '[generator]\nname = "procedural"\n[[steps]]\nuse = "distill_edit"\nmodel = "some/painter"\n',
}


@pytest.mark.parametrize("way", sorted(RECIPES))
def test_a_model_of_pictures_that_had_a_part_in_it_is_told_and_vouched_for(tmp_path: Path, way: str) -> None:
    store = Store(str(tmp_path))
    store.put("recipes/d.json", json.dumps({"name": "r", "where": "", "auto_fix": 0, "text": RECIPES[way]}).encode())
    made_from: dict[str, object] = {"recipe": "d"}
    if way == "pictures":
        a_run(tmp_path, [1], generator="triposg", meta={"made_from": made_from | {"pictures": ["0"]}})
    else:
        a_run(tmp_path, [1], meta={"made_from": made_from, "distill_edit": "a vase", "ai_generated": "true"})
    to = {"to": str(tmp_path / "there"), "draft": False}
    (told,) = publish(PublishConfig(str(tmp_path), "site", to)).told
    assert told.code == "generator.unknown"
    assert "some/painter" in told.why
    allowed = {**to, "allow_generators": ["some/painter"]}
    assert publish(PublishConfig(str(tmp_path), "site", allowed, live=True)).counts == {"published": 1}
    (item,) = json.loads((tmp_path / "there/catalog.json").read_text())["assets"]
    assert item["ai_generated"]
    assert "Made with generative AI" in item["description"]


def test_an_import_that_says_it_is_of_a_model_is_published_as_one(tmp_path: Path) -> None:
    a_run(tmp_path, [1], generator="mesh", meta={"ai_generated": "true"})
    to = str(tmp_path / "there")
    publish(PublishConfig(str(tmp_path), "site", {"to": to, "draft": False}, live=True))
    page = (tmp_path / "there/assets/thing-1/index.html").read_text()
    assert "TrainedAlgorithmicMediaDigitalSource" in page
    assert "Made with generative AI." in page


def test_a_territory_and_a_generator_can_be_vouched_for(tmp_path: Path) -> None:
    a_run(tmp_path, [1], generator="hunyuan3d-2.1")
    for options in ({"territories": ["US", "JP"]}, {"allow_generators": ["hunyuan3d-2.1"]}):
        outcome = publish(PublishConfig(str(tmp_path), "site", {"to": str(tmp_path / "there"), **options}))
        assert outcome.counts == {"would send": 1}
    barred = publish(PublishConfig(str(tmp_path), "site", {"to": str(tmp_path / "there"), "territories": ["US", "EU"]}))
    assert barred.told[0].code == "generator.territory"
    assert "DE" in barred.told[0].why
    assert "KR" not in barred.told[0].why
