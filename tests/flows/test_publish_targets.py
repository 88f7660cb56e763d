"""Every other target of publishing: what it is sent, and that its failures leave nothing twice."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from other_shops import CGTraderShop, Hub, ShopifyShop
from PIL import Image
from publish_rows import a_run, with_real_glb
from shop_server import Shop, serving

from flows.publish import Outcome, PublishConfig, publish
from flows.publish_targets.cgtrader import CGTrader
from manifests.errors import UsageError
from manifests.publications import Publications
from manifests.store import Store

pytestmark = pytest.mark.slow  # whole runs, services and trainings: seconds each


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CGTRADER_TOKEN", "SHOPIFY_TOKEN", "HF_TOKEN", "SKETCHFAB_TOKEN"):
        monkeypatch.setenv(name, "secret-of-the-shop")
    monkeypatch.setattr("flows.publish_http.FIRST_WAIT", 0.001)


def send(out: Path, target: str, service: Shop, **options: Any) -> Outcome:
    common = {"settle": 0.0, "base_url": service.url}
    return publish(PublishConfig(str(out), target, {**common, **options}, live=True, workers=2))


SHELF = {"category": "furniture", "subcategory": "chair", "rate": 1000.0}


@pytest.fixture
def cgtrader() -> Iterator[CGTraderShop]:
    with serving(CGTraderShop()) as shop:
        yield shop


def test_cgtrader_has_files_tags_and_says_who_made_it(cgtrader: CGTraderShop, tmp_path: Path) -> None:
    a_run(tmp_path, [1])
    assert send(tmp_path, "cgtrader", cgtrader, **SHELF).counts == {"draft": 1}
    (model,) = cgtrader.models.values()
    assert set(model["files"]) == {"thing-1.glb", "thing-1_LOD1.glb", "thing-1.usdz"}
    assert set(model["images"]) == {"thing-1_poster.jpg"}
    assert len(model["tags"]) >= 5
    assert model["ai_generated"] is False  # what POST says is ignored, so PUT says it
    assert model["status"] == "draft"
    assert model["info"]["textures"] is False  # this run measured none
    assert send(tmp_path, "cgtrader", cgtrader, draft=False, **SHELF).counts == {"published": 1}
    assert model["status"] == "published"


def test_cgtrader_has_views_from_all_sides_drawn_once(
    cgtrader: CGTraderShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_real_glb(tmp_path)
    monkeypatch.setattr("flows.publish_targets.cgtrader.PICTURE", (96, 54))
    send(tmp_path, "cgtrader", cgtrader, **SHELF)
    (model,) = cgtrader.models.values()
    views = {f"thing-1_view-{number}.jpg" for number in range(1, 6)}
    assert set(model["images"]) == views | {"thing-1_poster.jpg"}
    drawn = [Image.open(io.BytesIO(model["images"][name])) for name in sorted(views)]
    assert {picture.size for picture in drawn} == {(96, 54)}
    assert len({picture.tobytes() for picture in drawn}) == 5
    monkeypatch.setattr("tasks.gallery.views", lambda *_: 1 / 0)  # what is there is not drawn again
    assert send(tmp_path, "cgtrader", cgtrader, draft=False, **SHELF).counts == {"published": 1}


def test_cgtrader_under_failures_adds_each_file_once_and_leaves_doubt(cgtrader: CGTraderShop, tmp_path: Path) -> None:
    a_run(tmp_path, range(12))
    cgtrader.share = 0.15
    for _ in range(4):
        outcome = send(tmp_path, "cgtrader", cgtrader, **SHELF)
    titles = [model["title"] for model in cgtrader.models.values()]
    assert len(titles) == len(set(titles))  # the server refuses a file that is there, so none was sent twice either
    unsure = {told.id for told in outcome.told if told.code == "target.unsure"}
    drafts = {entry.id for entry in entries(tmp_path) if entry.event == "published"}
    assert drafts | unsure == {f"thing-{i}" for i in range(12)}
    assert not drafts & unsure


@pytest.mark.parametrize("way", ["killed", "no JSON", "no id"])
def test_a_draft_that_cgtrader_may_have_is_a_persons_to_look_for(
    cgtrader: CGTraderShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Its search shows no drafts, so that a second try would make a second one."""
    a_run(tmp_path, [1])
    real = cgtrader._create

    def made(said: dict[str, Any]) -> Any:
        status, headers, _ = real(said)
        return status, headers, b"<html>" if way == "no JSON" else {"success": True}

    with monkeypatch.context() as patch:
        if way == "killed":
            patch.setattr(CGTrader, "create", killed_after(CGTrader.create))
            with pytest.raises(KeyboardInterrupt):
                send(tmp_path, "cgtrader", cgtrader, **SHELF)
        else:
            patch.setattr(cgtrader, "_create", made)
            assert send(tmp_path, "cgtrader", cgtrader, **SHELF).counts == {"unsure": 1}
    rehearsal = PublishConfig(str(tmp_path), "cgtrader", {**SHELF, "base_url": cgtrader.url})
    assert publish(rehearsal).counts == {"unsure": 1}
    assert send(tmp_path, "cgtrader", cgtrader, **SHELF).counts == {"unsure": 1}
    assert len(cgtrader.models) == 1


def killed_after(real: Any) -> Any:
    def killed(*arguments: Any) -> None:
        real(*arguments)
        raise KeyboardInterrupt

    return killed


def test_a_draft_that_was_never_sent_is_made_by_the_next_call(
    cgtrader: CGTraderShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(tmp_path, [1], metrics={"texture.max_px": 1024.0})
    monkeypatch.setattr("flows.publish_http.PATIENCE", -1.0)
    cgtrader.planned = ["429"]
    assert "asks for a pause" in send(tmp_path, "cgtrader", cgtrader, **SHELF).stopped
    assert send(tmp_path, "cgtrader", cgtrader, **SHELF).counts == {"draft": 1}
    assert [model["info"]["textures"] for model in cgtrader.models.values()] == [True]


def entries(out: Path) -> list[Any]:
    return list(Publications(Store(f"{out}/publications")).entries())


@pytest.mark.parametrize("share", [0.0, 0.15])
def test_shopify_has_one_product_with_one_model_each(tmp_path: Path, share: float) -> None:
    a_run(tmp_path, range(8))
    with serving(ShopifyShop(share)) as shop:
        shop.throttled = 1
        options = {"shop": "a.myshopify.com", "rate": 1000.0, "poll": 0.001}
        for _ in range(4 if share else 1):
            send(tmp_path, "shopify", shop, **options)
        assert sorted(product["title"] for product in shop.products.values()) == [f"Thing number {i}" for i in range(8)]
        for product in shop.products.values():
            kinds = sorted(medium["mediaContentType"] for medium in product["media"])
            assert (kinds, product["status"]) == (["IMAGE", "MODEL_3D"], "DRAFT")
        shop.share = 0.0
        assert send(tmp_path, "shopify", shop, draft=False, **options).counts == {"published": 8}
        assert {product["status"] for product in shop.products.values()} == {"ACTIVE"}


@pytest.mark.parametrize("faults", [[], ["lost"], ["lost after"]])
def test_hugging_face_has_each_asset_in_a_folder_by_one_commit(tmp_path: Path, faults: list[str]) -> None:
    a_run(tmp_path, [1])
    with serving(Hub()) as hub:
        send(tmp_path, "huggingface", hub, repo="me/things")
        a_run(tmp_path, [2])
        hub.planned = ["", "", *faults]  # creation, preupload, and the commit that goes wrong
        outcome = send(tmp_path, "huggingface", hub, repo="me/things")
        assert outcome.counts == {"already there": 1, "draft": 1}, outcome
        files = dict(hub.repos["me/things"]["files"])
        assert b"license: other" in files.pop("README.md")
        assert len(hub.commits) == 3  # two assets and the card
        assert {path.split("/")[1] for path in files} == {"thing-1", "thing-2"}
        assert files["assets/thing-2/thing-2.glb"] == (tmp_path / "assets/thing-2/thing-2.glb").read_bytes()
        assert json.loads(files["assets/thing-2/asset.json"])["licence"] == "CC0-1.0"


LONG = "A very tall title " * 30


@pytest.mark.parametrize("target", ["cgtrader", "shopify", "huggingface"])
def test_every_listing_keeps_its_limits_and_says_licence_and_ai(tmp_path: Path, target: str) -> None:
    tags = ",".join(f"tag {i}" for i in range(300))
    a_run(tmp_path, [1], generator="shapes", meta={"title": LONG, "tags": tags, "license": "CC-BY-4.0"})
    shops: dict[str, Any] = {"cgtrader": CGTraderShop, "shopify": ShopifyShop, "huggingface": Hub}
    options: dict[str, Any] = {"cgtrader": SHELF, "shopify": {"shop": "a", "rate": 1e3, "poll": 1e-3}}
    with serving(shops[target]()) as shop:
        assert send(tmp_path, target, shop, **options.get(target, {"repo": "me/x"})).counts == {"draft": 1}
    title, text, count, told = said(shop)
    most_title, most_tags = {"cgtrader": (100, 20), "shopify": (255, 250), "huggingface": (100, 20)}[target]
    assert len(title) <= most_title
    assert title.startswith("A very tall")
    assert count <= most_tags
    assert "Licence: CC-BY-4.0" in text
    assert "Made with generative AI (shapes)." in text
    assert told


def said(shop: Any) -> tuple[str, str, int, bool]:
    """Title, description, count of tags, and whether AI is told where the service has a field for it."""
    if isinstance(shop, Hub):
        card = json.loads(shop.repos["me/x"]["files"]["assets/thing-1/asset.json"])
        return card["title"], card["description"], len(card["tags"]), card["ai_generated"]
    (listing,) = (shop.models if isinstance(shop, CGTraderShop) else shop.products).values()
    text = listing.get("description") or listing["descriptionHtml"]
    return listing["title"], text, len(listing["tags"]), listing.get("ai_generated", True)


def test_the_hubs_card_is_the_owners_and_a_lost_one_stops_nothing(tmp_path: Path) -> None:
    with serving(Hub()) as hub:
        a_run(tmp_path, [1])
        hub.planned = [""] * 5 + ["500"] * 9  # the asset's requests, then the card's
        outcome = send(tmp_path, "huggingface", hub, repo="me/x")
        assert outcome.counts == {"draft": 1}
        assert "README.md was not written" in outcome.written
        hub.planned = []
        hub.repos["me/x"]["files"]["README.md"] = b"of the owner's own"
        a_run(tmp_path, [2])
        assert send(tmp_path, "huggingface", hub, repo="me/x").counts == {"already there": 1, "draft": 1}
        assert hub.repos["me/x"]["files"]["README.md"] == b"of the owner's own"


def test_an_address_without_tls_gets_no_credentials(tmp_path: Path) -> None:
    a_run(tmp_path, [1])
    with pytest.raises(UsageError, match="https"):
        publish(PublishConfig(str(tmp_path), "sketchfab", {"base_url": "http://example.org"}, live=True))
