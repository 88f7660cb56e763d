"""Publishing meets a service that fails as real ones do: each version stands there once, and the log says how."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from publish_rows import a_run, finished
from shop_server import SketchfabShop, serving

from flows.publish import LOOKS, TRIES, PublishConfig, Verified, publish, verify
from flows.publish_targets.sketchfab import Sketchfab
from manifests.errors import LedgerError, UsageError
from manifests.ledger import Ledger
from manifests.publications import Publications
from manifests.store import Store

pytestmark = pytest.mark.slow  # whole runs, services and trainings: seconds each

SECRET = "secret-of-the-shop"


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[SketchfabShop]:
    monkeypatch.setenv("SKETCHFAB_TOKEN", SECRET)
    monkeypatch.setattr("flows.publish_http.FIRST_WAIT", 0.001)
    with serving(SketchfabShop()) as shop:
        yield shop


def config(out: Path, shop: SketchfabShop, **more: Any) -> PublishConfig:
    options = {"base_url": shop.url, "rate": 1000.0, "poll": 0.001, "settle": 0.0, **more.pop("options", {})}
    return PublishConfig(str(out), "sketchfab", options, **{"live": True, **more})


def log_of(out: Path) -> Publications:
    return Publications(Store(f"{out}/publications"))


def titles(shop: SketchfabShop) -> list[str]:
    return sorted(model["name"] for model in shop.models.values())


def test_without_live_nothing_is_sent_or_written(shop: SketchfabShop, tmp_path: Path) -> None:
    a_run(tmp_path, range(3))
    outcome = publish(config(tmp_path, shop, live=False))
    assert outcome.counts == {"would send": 3}
    assert not shop.asked
    assert not (tmp_path / "publications").exists()


def test_a_draft_with_all_that_the_listing_needs(shop: SketchfabShop, tmp_path: Path) -> None:
    long = "A very tall title " * 9
    a_run(tmp_path, [1], meta={"title": long, "tags": ",".join(f"tag {i}" for i in range(60)), "license": "CC-BY-4.0"})
    assert publish(config(tmp_path, shop)).counts == {"draft": 1}
    (model,) = shop.models.values()
    assert len(model["name"]) <= 48
    assert model["name"].endswith("…")
    assert len(model["tags"]) <= 42
    assert model["license"] == "by"
    assert not model["isPublished"]
    assert model["file"][0] == "thing-1.glb"
    assert model["file"][1] == (tmp_path / "assets/thing-1/thing-1.glb").read_bytes()
    for fact in ("0.5 × 1 × 0.25 m", "Triangles: 101", "Licence: CC-BY-4.0", "without generative AI"):
        assert fact in model["description"]
    (entry,) = [entry for entry in log_of(tmp_path).entries() if entry.event == "published"]
    assert (entry.remote, entry.note) == (model["uid"], "draft")
    assert entry.token in model["description"]


def test_what_a_model_made_has_the_tag_that_sketchfab_asks_for(shop: SketchfabShop, tmp_path: Path) -> None:
    many = {"tags": ",".join(f"tag {i}" for i in range(60))}
    a_run(tmp_path, [1], meta=many)
    a_run(tmp_path, [2], generator="triposg", meta=many)
    publish(config(tmp_path, shop))
    drawn, made = sorted(shop.models.values(), key=lambda model: model["name"])
    assert "createdwithai" not in drawn["tags"]
    assert "createdwithai" in made["tags"]
    assert len(made["tags"]) == 42
    assert "Made with generative AI (triposg)." in made["description"]


def test_a_row_without_a_title_is_called_what_its_prompt_was_understood_as(shop: SketchfabShop, tmp_path: Path) -> None:
    said = {"subject": "vase", "colors": ["blue"], "materials": ["ceramic"], "attributes": ["tall", "glossy", "thin"]}
    a_run(tmp_path, [1], meta={"title": "", "tags": "decor"}, prompt_understood=said)
    publish(config(tmp_path, shop))
    (model,) = shop.models.values()
    assert model["name"] == "Tall glossy blue ceramic vase"
    assert {"decor", "vase", "blue", "ceramic", "thin"} < set(model["tags"])


def test_the_same_call_again_sends_nothing_and_an_open_one_publishes_the_draft(
    shop: SketchfabShop, tmp_path: Path
) -> None:
    a_run(tmp_path, range(5))
    publish(config(tmp_path, shop))
    asked = shop.asked.total()
    assert publish(config(tmp_path, shop)).counts == {"already there": 5}
    assert shop.asked.total() == asked
    assert publish(config(tmp_path, shop, options={"draft": False})).counts == {"published": 5}
    assert len(shop.models) == 5
    assert all(model["isPublished"] for model in shop.models.values())


@pytest.mark.parametrize("faults", [["429"], ["500"], ["lost"], ["lost after"], ["dropped"], ["lost", "500", "429"]])
def test_each_fault_of_an_upload_ends_in_one_model(shop: SketchfabShop, tmp_path: Path, faults: list[str]) -> None:
    a_run(tmp_path, [7])
    shop.planned = list(faults)
    assert publish(config(tmp_path, shop)).counts == {"draft": 1}
    assert titles(shop) == ["Thing number 7"]


@pytest.mark.parametrize("fault", ["500", "dropped"])
def test_what_was_lost_in_every_try_is_made_by_the_next_call(shop: SketchfabShop, tmp_path: Path, fault: str) -> None:
    """The service can be searched and has nothing, so nobody has to look for it."""
    a_run(tmp_path, [7])
    shop.planned = [fault, *[""] * LOOKS] * TRIES
    outcome = publish(config(tmp_path, shop))
    assert outcome.counts == {"unsure": 1}
    assert "next call" in outcome.told[0].why
    assert publish(config(tmp_path, shop, live=False)).counts == {"would send": 1}
    assert publish(config(tmp_path, shop)).counts == {"draft": 1}
    assert titles(shop) == ["Thing number 7"]


def test_sixty_assets_stand_there_once_through_faults_and_calls(shop: SketchfabShop, tmp_path: Path) -> None:
    a_run(tmp_path, range(60))
    shop.share = 0.25
    for _ in range(4):  # a call may leave some behind; the next takes them up
        publish(config(tmp_path, shop))
    assert titles(shop) == sorted(f"Thing number {i}" for i in range(60))
    published = [entry.id for entry in log_of(tmp_path).entries() if entry.event == "published"]
    assert len(published) == len(set(published)) == 60
    assert min(shop.faults[fault] for fault in ("429", "500", "lost", "lost after", "dropped")) > 0


@pytest.mark.parametrize("moment", ["create", "finish"])
def test_a_kill_at_any_moment_leaves_nothing_twice(
    shop: SketchfabShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    a_run(tmp_path, range(4))
    real = getattr(Sketchfab, moment)

    def killed(self: Sketchfab, *arguments: Any) -> Any:
        real(self, *arguments)
        raise KeyboardInterrupt  # behind the service's back: it has done what was asked

    monkeypatch.setattr(Sketchfab, moment, killed)
    with pytest.raises(KeyboardInterrupt):
        publish(config(tmp_path, shop, workers=1))
    monkeypatch.setattr(Sketchfab, moment, real)
    publish(config(tmp_path, shop, workers=1))
    assert titles(shop) == [f"Thing number {i}" for i in range(4)]


def test_a_service_that_cannot_be_searched_leaves_doubt_to_a_person(
    shop: SketchfabShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sketchfab, "finds_all", False)
    monkeypatch.setattr(Sketchfab, "find", lambda self, package: "")
    a_run(tmp_path, [1])
    shop.planned = ["lost"]
    outcome = publish(config(tmp_path, shop))
    assert outcome.counts == {"unsure": 1}
    assert "mm-" in outcome.told[0].why
    assert publish(config(tmp_path, shop)).counts == {"unsure": 1}
    assert len(shop.models) == 1
    assert publish(config(tmp_path, shop, retry_unsure=True)).counts == {"draft": 1}
    assert [e.event for e in log_of(tmp_path).entries()] == ["intent", "unsure", "intent", "created", "published"]


def test_only_what_was_approved_and_only_the_current_version(shop: SketchfabShop, tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    rows = [
        finished(store, 1, meta={"review": {"decision": "approve"}}),
        finished(store, 2),
        finished(store, 3, id="old", meta={"review": {"decision": "approve"}}),
        finished(store, 4, id="old.v2", parent="old", meta={"version": {"root": "old", "number": 2}}),
    ]
    Ledger(store).write_chunk("all", rows)
    publish(config(tmp_path, shop, approved=True))
    assert titles(shop) == ["Thing number 1"]


def test_a_limit_counts_what_can_be_sent_and_a_condition_chooses(shop: SketchfabShop, tmp_path: Path) -> None:
    a_run(tmp_path, [0, 1], generator="mesh", meta={"license": ""})
    a_run(tmp_path, range(2, 7))
    assert publish(config(tmp_path, shop, limit=2, where="row > 0 or false")).counts == {"blocked": 1, "draft": 2}
    assert titles(shop) == ["Thing number 2", "Thing number 3"]
    publish(config(tmp_path, shop, limit=2))
    assert titles(shop) == [f"Thing number {i}" for i in range(2, 6)]


def test_an_asset_that_was_made_anew_is_another_listing_only_when_asked(shop: SketchfabShop, tmp_path: Path) -> None:
    a_run(tmp_path, [1])
    publish(config(tmp_path, shop))
    a_run(tmp_path, [1], remade="again")
    outcome = publish(config(tmp_path, shop))
    assert [each.code for each in outcome.told] == ["version.earlier-published"]
    assert len(shop.models) == 1
    assert publish(config(tmp_path, shop, new_versions=True)).counts == {"draft": 1}
    assert len(shop.models) == 2


def test_what_cannot_be_processed_and_what_is_still_being_processed(shop: SketchfabShop, tmp_path: Path) -> None:
    a_run(tmp_path, range(2))
    shop.fails, shop.looks = {"Thing number 1"}, 3
    assert publish(config(tmp_path, shop, options={"wait": 0.0})).counts == {"processing": 2}
    outcome = publish(config(tmp_path, shop))
    assert outcome.counts == {"draft": 1, "failed": 1}
    assert len(shop.models) == 2


def test_a_wrong_token_stops_at_once_and_is_nowhere(
    shop: SketchfabShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SKETCHFAB_TOKEN", "planted-secret-1234")
    a_run(tmp_path, range(40))
    outcome = publish(config(tmp_path, shop))
    assert "401" in outcome.stopped
    assert outcome.counts["failed"] <= 8
    said = json.dumps(outcome.to_dict()) + "".join(capsys.readouterr())
    files = b"".join(path.read_bytes() for path in (tmp_path / "publications").rglob("*") if path.is_file())
    assert b"401" in files
    assert "who is Token ***?" in said
    assert "planted-secret-1234" not in said
    assert b"planted-secret-1234" not in files


def test_a_secret_that_is_not_set_is_named(
    shop: SketchfabShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(tmp_path, [1])
    monkeypatch.delenv("SKETCHFAB_TOKEN")
    with pytest.raises(UsageError, match="SKETCHFAB_TOKEN"):
        publish(config(tmp_path, shop))


def test_files_that_are_not_what_the_ledger_says_stay_here(shop: SketchfabShop, tmp_path: Path) -> None:
    store = a_run(tmp_path, range(3))
    store.put("assets/thing-1/thing-1.glb", b"x" * (store.size("assets/thing-1/thing-1.glb") or 0))
    store.delete("assets/thing-2/thing-2.glb")
    outcome = publish(config(tmp_path, shop))
    assert outcome.counts == {"draft": 1, "failed": 1, "blocked": 1}
    assert titles(shop) == ["Thing number 0"]


def test_a_log_that_was_changed_is_told(shop: SketchfabShop, tmp_path: Path) -> None:
    a_run(tmp_path, range(3))
    publish(config(tmp_path, shop))
    assert verify(str(tmp_path)) == Verified(9, 0, False)
    files = sorted((tmp_path / "publications/log").iterdir())
    files[4].write_bytes(files[4].read_bytes().replace(b"thing", b"thong"))
    with pytest.raises(LedgerError, match="broken at line"):
        verify(str(tmp_path))
    files[4].unlink()
    with pytest.raises(LedgerError, match="broken at line 5"):
        publish(config(tmp_path, shop))
