"""The frame of an FBX document: header with provenance, units and axes, object counts, objects and connections."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ml.asset import Asset
from tasks.fbx_nodes import CREATION_TIME, FILE_ID, VERSION, Id, Node, encode_document, node
from tasks.plain_names import plain_name
from tasks.provenance_fields import APPLICATION, provenance_fields

FIRST_ID = 1_000_000
ROOT = Id(0)


def prop(name: str, kind: str, label: str, *values: Any, flags: str = "A") -> Node:
    """One entry of a Properties70 record."""
    return node("P", name, kind, label, flags, *values)


def text_prop(name: str, value: str, flags: str = "") -> Node:
    """A text in a Properties70 record; flags "U" for the user's own."""
    return prop(name, "KString", "", value, flags=flags)


def number_prop(name: str, value: float) -> Node:
    """A plain number in a Properties70 record."""
    return prop(name, "Number", "", float(value))


def color_prop(name: str, r: float, g: float, b: float) -> Node:
    """A linear colour in a Properties70 record."""
    return prop(name, "Color", "", float(r), float(g), float(b))


def properties(*entries: Node) -> Node:
    """A Properties70 record."""
    return node("Properties70", children=list(entries))


@dataclass
class FbxScene:
    """The growing document; objects are numbered in the order they come, so that equal assets give equal bytes."""

    objects: list[Node] = field(default_factory=list)
    connections: list[Node] = field(default_factory=list)

    def add(self, record: str, name: str, kind: str, children: list[Node], label: str = "") -> Id:
        """Append an object, `name` of class `label` (the record's own by default); returns its number."""
        number = Id(FIRST_ID + len(self.objects))
        self.objects.append(node(record, number, f"{name}\0\1{label or record}", kind, children=children))
        return number

    def connect(self, child: Id, parent: Id, slot: str = "") -> None:
        """Put `child` under `parent`, or into its property `slot`."""
        values = ("OP", child, parent, slot) if slot else ("OO", child, parent)
        self.connections.append(Node("C", values))

    def encode(self, asset: Asset) -> bytes:
        """The file's bytes; `asset` gives title and provenance."""
        return encode_document(
            [
                _header(asset),
                node("FileId", FILE_ID),
                node("CreationTime", CREATION_TIME),
                node("Creator", APPLICATION),
                _settings(),
                _documents(),
                node("References"),
                self._definitions(),
                node("Objects", children=self.objects),
                node("Connections", children=self.connections),
            ]
        )

    def _definitions(self) -> Node:
        counts = Counter(record.name for record in self.objects)
        types = [node("ObjectType", name, children=[node("Count", count)]) for name, count in counts.items()]
        settings = node("ObjectType", "GlobalSettings", children=[node("Count", 1)])
        total = node("Count", len(self.objects) + 1)
        return node("Definitions", children=[node("Version", 100), total, settings, *types])


def _header(asset: Asset) -> Node:
    stamp = zip(
        ("Year", "Month", "Day", "Hour", "Minute", "Second", "Millisecond"), (1970, 1, 1, 10, 0, 0, 0), strict=True
    )
    return node(
        "FBXHeaderExtension",
        children=[
            node("FBXHeaderVersion", 1003),
            node("FBXVersion", VERSION),
            node("EncryptionType", 0),
            node("CreationTimeStamp", children=[node("Version", 1000), *(node(key, value) for key, value in stamp)]),
            node("Creator", APPLICATION),
            _scene_info(asset),
        ],
    )


def _scene_info(asset: Asset) -> Node:
    """Title and author where every FBX tool shows them; all of the provenance as text and as properties of its own."""
    fields = provenance_fields(asset.provenance)
    title = fields.get("title") or plain_name(asset.name, "asset")
    texts = {
        "Title": title,
        "Subject": fields.get("prompt", ""),
        "Author": fields.get("creator", ""),
        "Keywords": fields.get("source_type", ""),
        "Revision": "",
        "Comment": "; ".join(f"{key}: {value}" for key, value in fields.items()),
    }
    own = [text_prop(f"{APPLICATION}|{key}", value, "U") for key, value in fields.items()]
    made = [
        prop("Original", "Compound", "", flags=""),
        text_prop("Original|ApplicationVendor", APPLICATION),
        text_prop("Original|ApplicationName", APPLICATION),
        prop("LastSaved", "Compound", "", flags=""),
        text_prop("LastSaved|ApplicationVendor", APPLICATION),
        text_prop("LastSaved|ApplicationName", APPLICATION),
    ]
    return node(
        "SceneInfo",
        "GlobalInfo\0\1SceneInfo",
        "UserData",
        children=[
            node("Type", "UserData"),
            node("Version", 100),
            node("MetaData", children=[node("Version", 100), *(node(key, value) for key, value in texts.items())]),
            properties(*made, *own),
        ],
    )


def _settings() -> Node:
    """Y up, front +Z, right-handed, and a unit of one centimetre, which is FBX's own."""
    axes = (
        ("UpAxis", 1), ("UpAxisSign", 1), ("FrontAxis", 2), ("FrontAxisSign", 1),
        ("CoordAxis", 0), ("CoordAxisSign", 1), ("OriginalUpAxis", 1), ("OriginalUpAxisSign", 1),
    )  # fmt: skip
    entries = [prop(name, "int", "Integer", value, flags="") for name, value in axes]
    entries += [prop(f"{which}UnitScaleFactor", "double", "Number", 1.0, flags="") for which in ("", "Original")]
    return node("GlobalSettings", children=[node("Version", 1000), properties(*entries)])


def _documents() -> Node:
    document = node("Document", Id(FIRST_ID - 1), "Scene", "Scene", children=[properties(), node("RootNode", ROOT)])
    return node("Documents", children=[node("Count", 1), document])
