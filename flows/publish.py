"""Publishes the passed assets of a run: each version once per target, through kills, retries and lost answers."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from flows.publish_http import Refused, Unavailable, Unsure
from flows.publish_licences import Use
from flows.publish_package import Blocked, Package, Packing
from flows.publish_secrets import masked
from flows.publish_targets.protocol import Common, Processing, Target
from flows.publish_targets.registry import make_target
from flows.signing import Signer, signer
from manifests.errors import LedgerError
from manifests.lease import Lease
from manifests.ledger import Ledger
from manifests.publications import Entry, Publications
from manifests.store import Store
from manifests.versions import superseded

FOLDER = "publications"
WORKERS = 4  # packages on their way at once
LOOKS = 2  # for what a lost answer may have left, before it is made again
TRIES = 3  # of a creation whose answer was lost and of which nothing is found
NO_ENTRY = (401, 403)
Tell = Callable[[str], None]


@dataclass(frozen=True)
class PublishConfig:
    """What goes where."""

    out: str
    target: str
    options: Mapping[str, Any] = field(default_factory=dict)  # the target's own
    approved: bool = False  # only what a reviewer approved
    where: str | None = None
    limit: int | None = None
    live: bool = False  # send; else say what would be sent
    new_versions: bool = False  # also assets of which the target has an earlier version
    retry_unsure: bool = False  # a person has looked: what is unsure is not there
    again: bool = False  # look at the target itself whether what the log says is there; where that can do no harm
    workers: int = WORKERS


@dataclass
class Outcome:
    """What became of every asset that was looked at; each is counted once."""

    target: str
    live: bool
    counts: Counter[str] = field(default_factory=Counter)
    told: list[Blocked] = field(default_factory=list)  # of all that was not sent
    stopped: str = ""  # why the target was left before the end
    written: str = ""  # what the target wrote beside the assets

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**vars(self), "counts": dict(self.counts), "told": [dict(vars(each)) for each in self.told]}


def publish(config: PublishConfig, tell: Tell = lambda line: None) -> Outcome:
    """Send every passed asset that the target does not have; without `live`, say what would be sent.

    Before an asset is made at the target its intent is in the log, and afterwards the outcome; an intent without one
    is searched for at the target first. Raises UsageError for a wrong target, option or missing credential, LedgerError
    for a log that is broken, LeaseError while another process publishes from there.
    """
    target, options = make_target(config.target, config.options)
    store = Store(config.out)
    if not config.live:
        log = Publications(Store(f"{store.uri}/{FOLDER}"))
        return _rehearse(config, target, _candidates(config, store, target, options, log, None))
    keys = signer()
    with Lease(Store(f"{store.uri}/{FOLDER}")) as lease:
        log = Publications(lease.store)
        log.tidy()
        target.open()
        run = Sending(config, target, options, log, lease.check, tell)
        try:
            run.send(_candidates(config, store, target, options, log, keys))
        finally:
            run.outcome.written = target.close()
            _seal(log, keys)
    return run.outcome


@dataclass(frozen=True)
class Verified:
    """What was found of a log whose chain holds."""

    lines: int
    seals: int
    checked: bool  # the seals, with your certificate; without one nothing is known of them


def verify(out: str) -> Verified:
    """Read the log; raises LedgerError where the chain is broken or a seal is not the certificate's, UsageError."""
    log, keys = Publications(Store(f"{Store(out).uri}/{FOLDER}")), signer()
    lines = seals = 0
    for entry in log.entries():
        lines += 1
        if entry.event == "seal":
            seals += 1
            if keys is not None and not keys.verify(entry.prev.encode(), entry.note):
                raise LedgerError(f"the seal in line {entry.n} of the log of publications is not of your certificate")
    return Verified(lines, seals, keys is not None)


def _seal(log: Publications, keys: Signer | None) -> None:
    if keys is not None:
        log.seal(keys.sign_text)


def _candidates(
    config: PublishConfig, store: Store, target: Target, options: Common, log: Publications, keys: Signer | None
) -> Iterator[tuple[Package | Blocked, Entry | None]]:
    """Packages and what stands against others, in the ledger's order, with the newest line of the log about each."""
    ledger = Ledger(store)
    older = superseded(ledger)
    use = Use(target.wants.terms, options.territories, target.wants.ai, options.allow_generators)
    packing = Packing(store, target.name, target.wants, use, target.marks, keys)
    conditions = ["outcome = 'passed'", f"({config.where}\n)" if config.where else "true"]
    if config.approved:
        conditions.append("json_extract_string(meta, '$.review.decision') = 'approve'")
    given = 0
    for row in ledger.rows(" and ".join(conditions)):
        if row["id"] in older:
            continue
        last = log.last(target.name, row["id"], row["key"])
        if _done(last, options) and not (config.again and target.replaces):
            yield Blocked(row["id"], "published", last.url if last else ""), last
            continue
        earlier = log.other_version(target.name, row["id"], row["key"])
        if earlier and not (target.replaces or config.new_versions):
            why = f"the target has an earlier version ({earlier.remote}); --new-versions adds this one"
            yield Blocked(row["id"], "version.earlier-published", why), last
            continue
        if config.limit is not None and given >= config.limit:
            return
        found = packing.package(row)
        given += isinstance(found, Package)
        yield found, last


def _done(last: Entry | None, options: Common) -> bool:
    """Whether it stands at the target as asked: a draft that is to be published now is not done."""
    return last is not None and last.event == "published" and (options.draft or last.note != "draft")


def _doubtful(last: Entry | None, target: Target) -> bool:
    """Whether an earlier call may have made it where nobody can search: its answer was lost, or the call was killed."""
    return last is not None and last.event in ("unsure", "intent") and not target.finds_all


def _rehearse(
    config: PublishConfig,
    target: Target,
    candidates: Iterator[tuple[Package | Blocked, Entry | None]],
) -> Outcome:
    outcome = Outcome(target.name, False)
    for found, last in candidates:
        if isinstance(found, Blocked):
            _count(outcome, found)
        elif _doubtful(last, target) and not config.retry_unsure:
            outcome.counts["unsure"] += 1
        else:
            outcome.counts["would send"] += 1
    return outcome


def _count(outcome: Outcome, blocked: Blocked) -> None:
    outcome.counts["already there" if blocked.code == "published" else "blocked"] += 1
    if blocked.code != "published":
        outcome.told.append(blocked)


class Sending:
    """Packages on their way to one target."""

    def __init__(
        self,
        config: PublishConfig,
        target: Target,
        options: Common,
        log: Publications,
        check: Callable[[], None],
        tell: Tell,
    ) -> None:
        self.config, self.target, self.options, self.log, self.check, self.tell = (
            config,
            target,
            options,
            log,
            check,
            tell,
        )
        self.outcome = Outcome(target.name, True)
        self.stop = threading.Event()

    def send(self, candidates: Iterator[tuple[Package | Blocked, Entry | None]]) -> None:
        """All of them, `workers` at once; stops early where the target is away or lets nobody in."""
        going: set[Future[tuple[str, Blocked | None]]] = set()
        with ThreadPoolExecutor(self.config.workers, thread_name_prefix="publish") as pool:
            for found, last in candidates:
                if self.stop.is_set():
                    break
                if isinstance(found, Blocked):
                    _count(self.outcome, found)
                    continue
                going.add(pool.submit(self._one, found, last))
                if len(going) >= 2 * self.config.workers:
                    going = self._collect(going)
            while going:
                going = self._collect(going)

    def _collect(self, going: set[Future[tuple[str, Blocked | None]]]) -> set[Future[tuple[str, Blocked | None]]]:
        done, waiting = wait(going, return_when=FIRST_COMPLETED)
        for future in done:
            word, told = future.result()
            self.outcome.counts[word] += 1
            if told is not None:
                self.outcome.told.append(told)
        return waiting

    def _one(self, package: Package, last: Entry | None) -> tuple[str, Blocked | None]:
        """One asset, whatever happens to it: what became of it, and why where it is not there."""
        if self.stop.is_set():
            return "left", None
        place = (self.target.name, package.id, package.key)
        try:
            state = self._carry(package, place, last)
        except Processing as error:
            return "processing", Blocked(package.id, "target.processing", masked(str(error)))
        except Unavailable as error:
            self._leave(str(error))
            return "left", Blocked(package.id, "target.unavailable", masked(str(error)))
        except Unsure as error:
            self._note("unsure", package, place, str(error))
            return "unsure", Blocked(package.id, "target.unsure", self._advice(package, masked(str(error))))
        except Exception as error:  # one asset's trouble is never another's
            if isinstance(error, Refused) and error.status in NO_ENTRY:
                self._leave(str(error))
            self._note("failed", package, place, f"{type(error).__name__}: {error}")
            return "failed", Blocked(package.id, "target.refused", masked(str(error)))
        self.tell(f"{package.id}  {state}")
        return state, None

    def _carry(self, package: Package, place: tuple[str, str, str], last: Entry | None) -> str:
        """From wherever an earlier call left the asset to its end; the state it is in then."""
        remote = last.remote if last and not (self.config.again and self.target.replaces) else ""
        if last and not remote:
            remote = self.target.find(package)
            if not remote and _doubtful(last, self.target) and not self.config.retry_unsure:
                raise Unsure(last.note or "an earlier call ended before the answer came")
        if not remote:
            self.check()
            self.log.append("intent", place, token=package.token)
            remote = self._create(package, place)
        if not (last and last.remote == remote):
            self.log.append("created", place, token=package.token, remote=remote)
        try:
            receipt = self.target.finish(remote, package)
        except Unsure as error:  # the listing is known, so there is nothing to look for: the next call goes on with it
            raise Unavailable(str(error)) from error
        self.log.append("published", place, token=package.token, remote=remote, url=receipt.url, note=receipt.state)
        return receipt.state

    def _create(self, package: Package, place: tuple[str, str, str]) -> str:
        """Made once: what a lost answer may have left is looked for before another try. Raises Unsure."""
        lost = ""
        for _ in range(TRIES):
            try:
                return self.target.create(package)
            except Unsure as error:
                lost = str(error)
            except Unavailable as error:
                if not lost:  # nothing was sent: the next call need not doubt it
                    self._note("failed", package, place, str(error))
                raise
            for _ in range(LOOKS):
                time.sleep(self.options.settle)
                if remote := self.target.find(package):
                    return remote
            if not self.target.finds_all:
                break
        raise Unsure(lost)

    def _note(self, event: Any, package: Package, place: tuple[str, str, str], why: str) -> None:
        """Into the log, with what the target made of it so far; an unsure asset is said to be so once."""
        before = self.log.last(*place)
        if before and before.event == event == "unsure":
            return
        remote = before.remote if before else ""
        self.log.append(event, place, token=package.token, remote=remote, note=masked(why)[:500])

    def _advice(self, package: Package, why: str) -> str:
        """What comes next of an asset whose answers were lost: another look, by the next call or by a person."""
        if self.target.finds_all:
            return f"{TRIES} answers were lost and it is not there: the next call looks and tries again ({why})"
        return f"look for {package.token} at the target; where it is not, --retry-unsure makes it again ({why})"

    def _leave(self, why: str) -> None:
        self.outcome.stopped = masked(why)
        self.stop.set()
