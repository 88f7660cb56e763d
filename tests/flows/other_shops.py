"""CGTrader, Shopify and Hugging Face as they are documented, for the shop server."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from shop_server import Answer, Shop, form


class CGTraderShop(Shop):
    """REST 1.0: drafts, files and images; the search of models shows what is published."""

    token = "Bearer secret-of-the-shop"

    def __init__(self, share: float = 0.0, seed: int = 0) -> None:
        super().__init__(share, seed)
        self.models: dict[str, dict[str, Any]] = {}

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> Answer:
        parts = path.strip("/").split("/")
        if (method, path) == ("POST", "/v1/models"):
            return self._create(json.loads(body))
        if (method, path) == ("GET", "/v1/models"):
            found = [
                {"id": int(id), "raw_description": model["description"]}
                for id, model in self.models.items()
                if model["status"] == "published" and query["keywords"] in model["description"]
            ]
            return 200, {}, {"total": len(found), "models": found if query["page"] == "1" else []}
        model = self.models.get(parts[2])
        if model is None:
            return 404, {}, {"errors": ["not found"]}
        if len(parts) == 4:
            return self._kept(model, parts[3], method, body, kind)
        if method == "PUT":
            return self._update(model, json.loads(body))
        return 200, {}, {**model, "url": f"https://www.cgtrader.com/3d-models/{parts[2]}", "files": [], "images": []}

    def _create(self, said: dict[str, Any]) -> Answer:
        if len(said["tags"]) < 5:
            return 422, {}, {"success": False, "errors": ["at least 5 tags"]}
        id = str(len(self.models) + 1)
        self.models[id] = {**said, "ai_generated": True, "status": "draft", "files": {}, "images": {}}  # the account's
        return 201, {}, {"success": True, "id": int(id)}

    def _update(self, model: dict[str, Any], said: dict[str, Any]) -> Answer:
        if said.get("status") == "published" and not (model["files"] and model["images"]):
            return 422, {}, {"errors": ["files and images first"]}
        model.update(said)
        return 200, {}, {"id": 1}

    def _kept(self, model: dict[str, Any], what: str, method: str, body: bytes, kind: str) -> Answer:
        if method == "GET":
            return 200, {}, {what: [{"id": i, "name": name} for i, name in enumerate(model[what])]}
        name, data = form(body, kind)["file"][0]
        if name in model[what]:
            return 422, {}, {"errors": ["there already"]}
        model[what][name] = data
        return 201, {}, {"success": True}


class ShopifyShop(Shop):
    """GraphQL: productSet by handle, staged uploads to another place, media that take time; costs are throttled."""

    header, token = "X-Shopify-Access-Token", "secret-of-the-shop"

    def __init__(self, share: float = 0.0, seed: int = 0) -> None:
        super().__init__(share, seed)
        self.products: dict[str, dict[str, Any]] = {}
        self.staged: dict[str, bytes] = {}
        self.throttled = 0

    def free(self, path: str) -> bool:
        return path.startswith("/staged/")

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> Answer:
        if self.free(path):
            self.staged[path] = form(body, kind)["file"][0][1]
            return 201, {}, b""
        if self.throttled:
            self.throttled -= 1
            cost = {"requestedQueryCost": 12, "throttleStatus": {"currentlyAvailable": 11.5, "restoreRate": 50.0}}
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return 200, {}, {"errors": [error], "extensions": {"cost": cost}}
        asked = json.loads(body)
        text, given = asked["query"], asked["variables"]
        for name in ("productByIdentifier", "productSet", "stagedUploadsCreate", "productUpdate"):
            if name in text:
                return 200, {}, {"data": {name: getattr(self, f"_{name}")(given)}}
        return 200, {}, {"data": {"product": self._product(given["id"])}}

    def _product(self, id: str) -> dict[str, Any]:
        product = next(each for each in self.products.values() if each["id"] == id)
        for medium in product["media"]:
            medium["looks"] += 1
            medium["status"] = "READY" if medium["looks"] > 2 else "PROCESSING"
        return {"handle": product["handle"], "onlineStorePreviewUrl": None, "media": {"nodes": product["media"]}}

    def _productByIdentifier(self, given: dict[str, Any]) -> dict[str, Any] | None:  # noqa: N802  # Shopify's name
        return self.products.get(given["handle"])

    def _productSet(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        fresh = {"id": f"gid://shopify/Product/{len(self.products)}", "media": []}
        product = self.products.setdefault(given["handle"], fresh)
        product.update(given["input"])
        return {"product": {"id": product["id"]}, "userErrors": []}

    def _stagedUploadsCreate(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        (asked,) = given["input"]
        place = f"/staged/{len(self.staged)}-{asked['filename']}"
        target = {"url": self.url + place, "resourceUrl": self.url + place, "parameters": [{"name": "k", "value": "v"}]}
        return {"stagedTargets": [target], "userErrors": []}

    def _productUpdate(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        product = next(each for each in self.products.values() if each["id"] == given["product"]["id"])
        product.update({name: value for name, value in given["product"].items() if name != "id"})
        for medium in given["media"]:
            path = medium["originalSource"].removeprefix(self.url)
            if path not in self.staged:
                return {"product": None, "userErrors": [{"field": ["media"], "message": "nothing was uploaded there"}]}
            product["media"].append({**medium, "bytes": len(self.staged[path]), "status": "UPLOADED", "looks": 0})
        return {"product": {"id": product["id"]}, "userErrors": []}


class Hub(Shop):
    """The hub's repositories: creation, preupload, large-file storage, commits of lines of JSON, paths and trees."""

    LARGE: tuple[str, ...] = ()  # what goes to large-file storage; of a data set's .gitattributes

    header, token = "authorization", "Bearer secret-of-the-shop"

    def __init__(self, share: float = 0.0, seed: int = 0) -> None:
        super().__init__(share, seed)
        self.repos: dict[str, dict[str, Any]] = {}
        self.commits: list[str] = []
        self.large: dict[str, bytes] = {}

    def free(self, path: str) -> bool:
        return path.startswith("/storage/")

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> Answer:
        if self.free(path):
            self.large[path.rpartition("/")[2]] = body
            return 200, {}, b""
        if path.endswith(".git/info/lfs/objects/batch"):
            return 200, {}, {"transfer": "basic", "objects": [*map(self._upload, json.loads(body)["objects"])]}
        if path.startswith("/datasets/") and "/resolve/main/" in path:
            repo, _, name = path.removeprefix("/datasets/").partition("/resolve/main/")
            return 200, {}, self.repos[repo]["files"][name]
        if path == "/api/validate-yaml":
            return 200, {}, {"errors": [], "warnings": []}
        if path == "/api/repos/create":
            said = json.loads(body)
            name = f"{said['organization']}/{said['name']}" if said.get("organization") else said["name"]
            if name in self.repos:
                return 409, {}, {"error": "You already created this dataset repo", "url": f"{self.url}/datasets/{name}"}
            self.repos[name] = {"private": said.get("private", said.get("visibility")), "files": {}}
            return 200, {}, {"url": f"{self.url}/datasets/{name}"}
        _, _, owner, name, what, *_ = (*path.strip("/").split("/"), "info")
        files = self.repos[f"{owner}/{name}"]["files"]
        if what == "preupload":
            asked = json.loads(body)["files"]
            modes = [{"path": each["path"], "uploadMode": "regular", "shouldIgnore": False} for each in asked]
            for mode in modes:
                mode["oid"] = _blob(files[mode["path"]]) if mode["path"] in files else None
                mode["uploadMode"] = "lfs" if mode["path"].endswith(self.LARGE) else "regular"
            return 200, {}, {"files": modes}
        if what == "tree":
            return 200, {}, [self._entry(each, data) for each, data in files.items()]
        if what == "paths-info":
            paths = [path for path in _paths(body, kind) if path in files]
            return 200, {}, [self._entry(each, files[each]) for each in paths]
        if what == "commit":
            lines = [json.loads(line) for line in body.splitlines()]
            self.commits.append(lines[0]["value"]["summary"])
            files.update({line["value"]["path"]: self._content(line["key"], line["value"]) for line in lines[1:]})
            oid = f"{len(self.commits):040x}"
            url = f"{self.url}/datasets/{owner}/{name}/commit/{oid}"
            return 200, {}, {"success": True, "commitOid": oid, "commitUrl": url}
        return 200, {}, {"id": f"{owner}/{name}", "sha": f"{len(self.commits):040x}"}

    def _upload(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Where an object goes, or nothing where it is there."""
        if asked["oid"] in self.large:
            return asked
        return {**asked, "actions": {"upload": {"href": f"{self.url}/storage/{asked['oid']}"}}}

    def _content(self, key: str, value: dict[str, Any]) -> bytes:
        return self.large[value["oid"]] if key == "lfsFile" else base64.b64decode(value["content"])

    def _entry(self, path: str, data: bytes) -> dict[str, Any]:
        entry = {"type": "file", "path": path, "size": len(data), "oid": _blob(data)}
        if not path.endswith(self.LARGE):
            return entry
        pointer = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return {**entry, "oid": _blob(b"pointer"), "lfs": pointer}


def _paths(body: bytes, kind: str) -> list[str]:
    from urllib.parse import parse_qs

    if "json" in kind:
        found: list[str] = json.loads(body)["paths"]
        return found
    return parse_qs(body.decode())["paths"]


def _blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
