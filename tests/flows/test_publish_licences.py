"""Licences block publishing: a table of who may go where, and why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from publish_rows import a_run

from flows.publish import PublishConfig, publish

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


def test_a_territory_and_a_generator_can_be_vouched_for(tmp_path: Path) -> None:
    a_run(tmp_path, [1], generator="hunyuan3d-2.1")
    for options in ({"territories": ["US", "JP"]}, {"allow_generators": ["hunyuan3d-2.1"]}):
        outcome = publish(PublishConfig(str(tmp_path), "site", {"to": str(tmp_path / "there"), **options}))
        assert outcome.counts == {"would send": 1}
    barred = publish(PublishConfig(str(tmp_path), "site", {"to": str(tmp_path / "there"), "territories": ["US", "EU"]}))
    assert barred.told[0].code == "generator.territory"
    assert "DE" in barred.told[0].why
    assert "KR" not in barred.told[0].why
