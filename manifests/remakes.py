"""Which rows shall be made again with a new seed, and how often they were: a small file beside the ledger."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from manifests.errors import LedgerError
from manifests.store import Store

PATH = "remakes.json"


@dataclass(frozen=True, slots=True)
class Remake:
    """How often a row's seed was drawn anew (`Row.remake`), and the key of the asset that was turned down last.

    While the ledger's row still has that key the remake is waiting; another key means that it was made.
    """

    times: int
    instead_of: str


def load_remakes(store: Store) -> dict[str, Remake]:
    """Remakes by id; none where nobody asked for one. Raises LedgerError for a file that is none."""
    try:
        return {id: Remake(**entry) for id, entry in json.loads(store.read(PATH)).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise LedgerError(f"{store.uri_of(PATH)} cannot be read: {error}") from error


def save_remakes(store: Store, remakes: Mapping[str, Remake]) -> None:
    """Write all of them; nothing where nothing changed."""
    content = {id: asdict(remakes[id]) for id in sorted(remakes) if remakes[id].times}
    data = json.dumps(content, ensure_ascii=True, indent=0).encode()
    with contextlib.suppress(FileNotFoundError):
        if store.read(PATH) == data:
            return
    if content or store.exists(PATH):
        store.put(PATH, data, durable=True)


def asked(remakes: dict[str, Remake], id: str, key: str) -> None:
    """Ask for another asset in place of the one with `key`; asking twice for the same one is asking once."""
    before = remakes.get(id, Remake(0, ""))
    if before.instead_of != key:
        remakes[id] = Remake(before.times + 1, key)


def withdrawn(remakes: dict[str, Remake], id: str, key: str) -> None:
    """Keep the asset with `key` after all, if it was still waiting to be replaced."""
    before = remakes.get(id)
    if before and before.instead_of == key:
        remakes[id] = Remake(before.times - 1, "")


def waiting(remakes: Mapping[str, Remake], rows: Iterable[tuple[str, str]]) -> int:
    """How many of the ledger's (id, key) rows still wait to be made again."""
    return sum(id in remakes and remakes[id].instead_of == key for id, key in rows)
