"""Sites and bundles: pages and feeds that hold what was asked, pictures of the right sizes, signatures that fit."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from certificates import pair
from PIL import Image
from publish_rows import FILES, a_run, finished, with_real_glb

from flows.content_credentials import read
from flows.publish import Outcome, PublishConfig, Verified, publish, verify
from manifests.errors import LedgerError, UsageError
from manifests.ledger import Ledger
from manifests.store import Store

pytestmark = pytest.mark.slow  # whole runs, services and trainings: seconds each


def send(out: Path, target: str, **options: Any) -> Outcome:
    return publish(PublishConfig(str(out), target, options, live=True))


def feed(site: Path) -> Any:
    return json.loads((site / "catalog.json").read_text())


def test_a_site_lists_what_is_no_draft_and_its_pages_hold_their_markup(tmp_path: Path) -> None:
    nasty = {"title": '<script>alert("x")</script> & more', "license": "CC-BY-4.0"}
    store = Store(str(tmp_path / "run"))
    Ledger(store).write_chunk("all", [finished(store, 1), finished(store, 2, id="a.b/c d", meta=nasty)])
    site = tmp_path / "site"
    options = {"to": str(site), "base_url": "https://shop.example/3d"}
    assert send(tmp_path / "run", "site", **options).counts == {"draft": 2}
    assert feed(site)["assets"] == []
    outcome = send(tmp_path / "run", "site", draft=False, **options)
    assert outcome.counts == {"published": 2}
    assert outcome.written.startswith("2 assets")
    first, second = feed(site)["assets"]
    assert [first["id"], second["id"]] == ["a.b/c d", "thing-1"]
    for file in second["files"]:
        path = site / file["href"].removeprefix("https://shop.example/3d/")
        assert path.stat().st_size == file["bytes"]
    page = (site / "assets/a.b%2Fc%20d/index.html").read_text()
    assert "<script>alert" not in page
    assert "<model-viewer" in page
    assert '<img slot="poster" src="' in page  # seen without the script too
    said = json.loads(re.findall(r'ld\+json">(.*?)</script>', page)[0])
    assert (said["@type"], said["name"]) == ("3DModel", nasty["title"])
    assert said["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert said["digitalSourceType"].endswith("/AlgorithmicMediaDigitalSource")
    assert said["encoding"][0]["contentUrl"] == "https://shop.example/3d/assets/a.b%252Fc%2520d/a.b%252Fc%2520d.glb"
    index = (site / "index.html").read_text()
    assert index.count("data-model=") == 2
    assert "<script>alert" not in index


def test_a_site_takes_the_newer_version_and_loses_the_older_files(tmp_path: Path) -> None:
    site, options = tmp_path / "site", {"to": str(tmp_path / "site"), "draft": False}
    a_run(tmp_path / "run", [1])
    send(tmp_path / "run", "site", **options)
    a_run(tmp_path / "run", [1], remade="again", files=FILES[:1])
    assert send(tmp_path / "run", "site", **options).counts == {"published": 1}
    (only,) = feed(site)["assets"]
    assert [file["format"] for file in only["files"]] == ["glb"]
    assert not (site / "assets/thing-1/thing-1.usdz").exists()
    assert (site / "assets/thing-1/thing-1.glb").read_bytes() == (
        tmp_path / "run/assets/thing-1/thing-1.glb"
    ).read_bytes()


def test_a_site_that_was_wiped_is_filled_again_when_asked(tmp_path: Path) -> None:
    a_run(tmp_path / "run", range(3))
    options = {"to": str(tmp_path / "site"), "draft": False}
    send(tmp_path / "run", "site", **options)
    shutil.rmtree(tmp_path / "site/items")
    assert send(tmp_path / "run", "site", **options).counts == {"already there": 3}
    config = PublishConfig(str(tmp_path / "run"), "site", options, live=True, again=True)
    assert publish(config).counts == {"published": 3}
    assert len(feed(tmp_path / "site")["assets"]) == 3


SIZES = {
    "fab": {"thumbnail": (1920, 1080)},
    "unity": {"icon": (160, 160), "card": (420, 280), "cover": (1950, 1300), "social": (1200, 630)},
    "turbosquid": {"search": (1920, 1080), "wireframe": (1920, 1080)},
}


@pytest.mark.parametrize("shop", sorted(SIZES))
def test_a_bundle_holds_files_texts_and_pictures_of_the_right_sizes(tmp_path: Path, shop: str) -> None:
    with_real_glb(tmp_path / "run")
    assert send(tmp_path / "run", shop, to=str(tmp_path / "bundles")).counts == {"draft": 1}
    with zipfile.ZipFile(tmp_path / "bundles" / shop / "thing-1.zip") as archive:
        names = set(archive.namelist())
        assert {"files/thing-1.fbx", "listing.json", "LICENCE.txt", "report.json"} <= names
        assert ("files/thing-1.stl" in names) == (shop != "turbosquid")
        for name, size in SIZES[shop].items():
            with Image.open(io.BytesIO(archive.read(f"pictures/{name}.jpg"))) as picture:
                assert picture.size == size
                assert len(set(picture.convert("L").resize((64, 64)).get_flattened_data())) > 8  # something is drawn
        assert sum(name.startswith("turntable/") for name in names) == (37 if shop == "turbosquid" else 0)
        report = json.loads(archive.read("report.json"))
        assert report["missing"] == ["creator: name yourself in the recipe's [provenance]"]
        assert report["by_hand"]


def test_a_bundle_says_which_of_the_shops_rules_its_asset_breaks_and_which_nobody_measured(tmp_path: Path) -> None:
    metrics = {"texture.max_px": 32768.0, "texture.power_of_two": 1.0, "lods": 0.0, "triangles": 900.0}
    a_run(tmp_path / "run", [1], files=(("fbx", ".fbx", 0),), metrics=metrics)
    send(tmp_path / "run", "fab", to=str(tmp_path / "bundles"))
    report = json.loads((tmp_path / "bundles/fab/thing-1.json").read_text())
    assert not report["complete"]
    assert any(line.startswith("gate.texture.max: 32768 > 16384") for line in report["missing"])
    assert [line.split(":")[0] for line in report["warnings"]] == ["gate.lods"]
    assert "lightmap.present" in report["unchecked"]
    assert "texture.power-of-two" not in report["unchecked"]


def test_turbosquid_gets_nothing_that_a_model_made_and_fab_is_told(tmp_path: Path) -> None:
    with_real_glb(tmp_path / "run", generator="triposg")
    refused = send(tmp_path / "run", "turbosquid", to=str(tmp_path / "bundles"))
    assert [told.code for told in refused.told] == ["ai.refused"]
    send(tmp_path / "run", "fab", to=str(tmp_path / "bundles"))
    assert any(
        "CreatedWithAI" in line for line in json.loads((tmp_path / "bundles/fab/thing-1.json").read_text())["missing"]
    )


def test_the_users_certificate_signs_bundle_manifest_and_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("c2pa")
    key, cert = pair(tmp_path)
    monkeypatch.setenv("MESHMILL_SIGN_KEY", str(key))
    monkeypatch.setenv("MESHMILL_SIGN_CERT", str(cert))
    with_real_glb(tmp_path / "run")
    send(tmp_path / "run", "fab", to=str(tmp_path / "bundles"))
    archive = tmp_path / "bundles/fab/thing-1.zip"
    command = [
        "openssl",
        "cms",
        "-verify",
        "-binary",
        "-inform",
        "DER",
        "-in",
        f"{archive}.p7s",
        "-content",
        str(archive),
    ]
    command += ["-noverify", "-certfile", str(cert), "-out", str(tmp_path / "seen")]
    with zipfile.ZipFile(archive) as content:  # what was signed names the file and says how it was made
        glb = content.read("files/thing-1.glb")
        credentials = content.read("files/thing-1.glb.c2pa")
    told = read("model/gltf-binary", glb, credentials)
    assert told["intact"]
    assert "algorithmicMedia" in json.dumps(told["manifest"])
    if shutil.which("openssl"):
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
        archive.write_bytes(archive.read_bytes()[:-1] + b"x")
        assert subprocess.run(command, capture_output=True, check=False).returncode != 0
    assert verify(str(tmp_path / "run")) == Verified(4, 1, True)
    other_key, other_cert = pair(tmp_path / "other")
    monkeypatch.setenv("MESHMILL_SIGN_KEY", str(other_key))
    with pytest.raises(UsageError, match="not the certificate's"):
        verify(str(tmp_path / "run"))
    monkeypatch.setenv("MESHMILL_SIGN_CERT", str(other_cert))
    with pytest.raises(LedgerError, match="not of your certificate"):
        verify(str(tmp_path / "run"))


def test_a_manifest_beside_the_file_tells_who_and_how_and_any_changed_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("c2pa")
    key, cert = pair(tmp_path)
    monkeypatch.setenv("MESHMILL_SIGN_KEY", str(key))
    monkeypatch.setenv("MESHMILL_SIGN_CERT", str(cert))
    a_run(tmp_path / "run", [1], generator="triposg")
    send(tmp_path / "run", "site", to=str(tmp_path / "site"), draft=False)
    (item,) = feed(tmp_path / "site")["assets"]
    data = (tmp_path / "site" / item["files"][0]["href"]).read_bytes()
    credentials = (tmp_path / "site" / item["credentials"]).read_bytes()
    told = read("model/gltf-binary", data, credentials)
    assert told["intact"]
    assert not told["trusted"]  # a certificate of this test's own making
    action = told["manifest"]["assertions"][0]["data"]["actions"][0]
    assert action["digitalSourceType"].endswith("trainedAlgorithmicMedia")
    assert not read("model/gltf-binary", data[:-1] + b"x", credentials)["intact"]
    monkeypatch.delenv("MESHMILL_SIGN_KEY")
    monkeypatch.delenv("MESHMILL_SIGN_CERT")
    a_run(tmp_path / "run", [1], remade="again", generator="triposg")
    send(tmp_path / "run", "site", to=str(tmp_path / "site"), draft=False)
    assert not list((tmp_path / "site").rglob("*.c2pa"))  # it would say of the new file that it was tampered with
