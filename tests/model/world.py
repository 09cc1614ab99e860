"""The world the shipped protocol runs in under the checker: one gate, one starter, one clock, and actors.

The protocol's generators (``holdoff.core.protocol``) are the model. What they yield stays open until the scheduler
(``search``) says what becomes of it, as a ``Move``. All that really happened is written down in a ``History``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from holdoff.core import builds, claims, decide, people, protocol, waits
from holdoff.core.decide import Trigger, Wake
from holdoff.core.decision import Outcome, Why
from holdoff.core.effects import Cancel, Find, FoldIn, Get, Lost, NewId, Now, Poll, Start, Swap
from holdoff.core.errors import StartRefused, StartUnknown, StoreError, StoreUnavailable
from holdoff.core.pending import waiter_name
from holdoff.core.protocol import Decided, Snapshot
from holdoff.core.record import Act, End, Finished, Hold, Record
from holdoff.core.request import Request
from holdoff.core.units import seconds_from_ms
from holdoff.stores.memory import MemoryStore
from tests.model.history import Asked, Build, History, copied
from tests.model.scenario import KEY, T0_MS, Move, Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Asks = Generator[Any, Any, Any]
    Change = Callable[["Actor", Record, int], Record]

#: More wakes than any history needs after its faults stopped: a gate that still has a due then makes no progress.
MAX_WAKES: Final = 60
#: More effects than an undisturbed call needs.
MAX_EFFECTS: Final = 2_000
NEVER_BUILT: Final = Record()
#: What no forced trigger waits for, though it was put off.
OVERRIDDEN: Final = (Why.COOLING_DOWN, Why.LIMIT, Why.QUIET)
STORE_FAULTS: Final = ("drop", "fail", "late", "die")
START_FAULTS: Final = ("drop", "fail", "die", "refuse", "fly")


@dataclass(frozen=True, slots=True)
class SnippetLook:
    """The old snippet's read, which creates the item where there is none. (Not torn apart: its unconditional create can
    wipe a gate in the moment of its very first event, which Holdoff cannot prevent.)"""


@dataclass(frozen=True, slots=True)
class SnippetWrite:
    """The old snippet's unconditional update of ``lastbuild``, in whole seconds."""


@dataclass(frozen=True, slots=True)
class PersonWrite:
    """A person edits ``lastbuild``: an hour and more ``back`` or ``ahead``."""

    verb: str


def person(verb: str) -> Generator[object, Any, None]:
    """A person at the table's editor."""
    yield PersonWrite(verb)


def snippet(cooldown_ms: int) -> Generator[object, Any, None]:
    """One event at a Lambda that still runs the old code."""
    lastbuild: Decimal | None = yield SnippetLook()
    now_ms: int = yield Now()
    if lastbuild is not None and now_ms // 1000 > int(lastbuild) + cooldown_ms / 1000:
        yield SnippetWrite()


@dataclass
class Actor:
    """A process: what it remembers from call to call, and the call it is in.

    Attributes:
        key: hashes all it was told so far: two actors with the same key stand at the same point.
        checked_ms: the true time at which it last looked at its clock.
        looked: whether this call has asked anything but the time.
        write_id: of the write that is open.
        began: the position at which this call began.
        reports, runs: the build whose end it reports, and whether the record says that it runs.
        unsure: whether it asked for the build of a token, and got no answer.
    """

    name: str
    skew_ms: int
    snapshot: Snapshot = field(default_factory=Snapshot)
    asks: Call | Asks | None = None
    effect: Any = None
    sent: bool = False
    asked: Asked | None = None
    call: str = ""
    key: int = 0
    calls: int = 0
    ids: int = 0
    checked_ms: int = 0
    looked: bool = False
    unsure: bool = False
    write_id: str = ""
    began: int = 0
    reports: Build | None = None
    runs: bool = False

    def copy(self, same: dict[int, Any]) -> Actor:
        """The same actor in a copy of its world; ``same``: what stands there for triggers and builds of this one."""
        new = copied(self)
        new.asked, new.reports = same.get(id(self.asked)), same.get(id(self.reports))
        if isinstance(self.asks, Call):
            new.asks = self.asks.copy(new)
        return new


@dataclass(frozen=True, slots=True)
class Flight:
    """A start request that no process waits for any more, but that may still arrive."""

    request: Request
    token: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class LateWrite:
    """A write that got no answer in time, but may still arrive; ``sender``: as it was when it sent it."""

    name: str
    sender: Actor
    until_ms: int


#: What calls asked for, by who they were and what they were told.
Known = dict[tuple[str, int, int], tuple[str, Any]]


class Call:
    """A call of the protocol that can be copied, and runs only where it is told something new.

    What a call asks for depends on what its actor was told, and on nothing else. The searches that go through every
    history come to most of these points many times; ``known`` has what was asked for there. It holds for one search:
    the next may be of other code. Without it the call always runs.
    """

    def __init__(self, make: Callable[[Actor], Asks], actor: Actor, known: Known | None) -> None:
        self._make, self._actor, self._known = make, actor, known
        self._told: list[tuple[object, Exception | None]] = []
        self._running, self._behind = make(actor), 0

    def copy(self, actor: Actor) -> Call:
        """The same call of this actor."""
        new = Call(self._make, actor, self._known)
        new._told = self._told.copy()
        return new

    def send(self, answer: object) -> Any:
        """As a generator's."""
        return self._go_on(answer, None)

    def throw(self, error: Exception) -> Any:
        """As a generator's."""
        return self._go_on(None, error)

    def _go_on(self, answer: object, error: Exception | None) -> Any:
        self._told.append((answer, error))
        known, point = self._known, (self._actor.name, self._actor.key, self._actor.ids)
        found = None if known is None else known.get(point)
        if found is None:
            found = self._run()
            if known is not None:
                known[point] = found
        what, value = found
        if what == "asks":
            return value
        raise StopIteration(value) if what == "ends" else value.with_traceback(None)

    def _run(self) -> tuple[str, Any]:
        """Tell it all that it was not told yet."""
        try:
            for answer, error in self._told[self._behind :]:
                asks = self._running.throw(error) if error else self._running.send(answer)
        except StopIteration as end:
            return "ends", end.value
        except Exception as error:  # noqa: BLE001  (whatever it raises, it would raise again)
            return "raises", error
        self._behind = len(self._told)
        return "asks", asks


class World:
    """One history in the making."""

    def __init__(
        self, scenario: Scenario, tell: Callable[[str], None] | None = None, *, known: Known | None = None
    ) -> None:
        self.scenario = scenario
        self.known = known
        self.terms = scenario.terms()
        self.now_ms = T0_MS
        self.store = MemoryStore()
        self.history = History(scenario=scenario, terms=self.terms)
        self.flights: list[Flight] = []
        self.late: list[LateWrite] = []
        self.actors = {name: Actor(name, scenario.skew_ms(n)) for n, name in enumerate(scenario.actors)}
        self.done: dict[str, int] = dict.fromkeys(scenario.actors, 0)
        self.faults = self.clocks = self.back_ms = 0
        self.written: set[str] = set()
        self.hashed = (NEVER_BUILT, hash(NEVER_BUILT))
        self.draining = False
        self.tell = tell
        record = scenario.record()
        if record is not None:
            self.store._gates[KEY] = record

    @property
    def record(self) -> Record:
        """What stands in the store."""
        return self.store._gates.get(KEY, NEVER_BUILT)

    # --- moves ---------------------------------------------------------------------------------

    def moves(self) -> list[Move]:
        """What the exhaustive search may choose from here. Going on without a fault comes first. Of actors that do the
        same, the first by name begins first: the other histories are these by other names."""
        scenario = self.scenario
        moves = [Move(a.name, "go") for a in self.actors.values() if a.asks and self._can_go(a)]
        unbegun = set()
        for n, actor in enumerate(self.actors.values()):
            script, done = scenario.scripts[n] if n < len(scenario.scripts) else (), self.done[actor.name]
            alike = (script, actor.skew_ms, done)
            if not actor.asks and done < len(script) and alike not in unbegun:
                moves.append(Move(actor.name, "call", script[done]))
            if done == 0:
                unbegun.add(alike)
        moves += [Move("", "land", flight.token) for flight in self.flights if self._flies(flight)]
        moves += [Move("", "land", write.name) for write in self.late if self.now_ms < write.until_ms]
        if self.clocks < scenario.clocks:
            moves += [Move("", "clock", at - self.now_ms) for at in self.instants()[:1]]
        if self.faults < scenario.faults:
            moves += [move for actor in self.actors.values() for move in self.fault_moves(actor)]
        return moves

    def fault_moves(self, actor: Actor) -> list[Move]:
        """What may go wrong with this actor's open effect."""
        if not actor.asks or isinstance(actor.effect, Now):
            return []
        kinds: tuple[str, ...] = START_FAULTS if isinstance(actor.effect, Start) else STORE_FAULTS
        if isinstance(actor.effect, Get | Find | Poll | SnippetLook):
            kinds = ("fail", "die")
        if isinstance(actor.effect, Cancel):
            kinds = ("drop", "fail", "die")
        if isinstance(actor.effect, SnippetWrite | PersonWrite):
            kinds = ("die",)
        sent = [kind for kind in kinds if not (actor.sent and kind in {"drop", "refuse", "fly", "late"})]
        return [Move(actor.name, kind) for kind in sent]

    def instants(self) -> list[int]:
        """The instants to come at which something may change, in order."""
        record = self.record
        found = {record.due_ms, waits.cooldown_end_ms(record, self.terms)}
        found.add(waits.limit_end_ms(record, self.terms.policy))
        if record.claim:
            found.add(record.claim.lease_until_ms)
        if record.pending:
            found.add(waits.ready_ms(record, self.terms))
        if record.running:
            found.add(record.running.lease_until_ms)
        if record.hold:
            found.add(record.hold.until_ms)
        for build in self.history.builds:
            found.add(build.started_ms + self.scenario.token_memory_ms)
        return sorted(at for at in found if at is not None and at > self.now_ms)

    def do(self, move: Move) -> bool:
        """Make one move; False: it is not possible here (a shrunk history skips it)."""
        if move.who == "":
            return self._world_move(move)
        actor = self.actors.get(move.who)
        if actor is None:
            return False
        if move.what == "call":
            if actor.asks:
                return False
            self.done[actor.name] += 1
            self._begin(actor, str(move.arg))
            return True
        if not actor.asks:
            return False
        return self._effect_move(actor, move.what)

    def _world_move(self, move: Move) -> bool:
        if move.what == "clock":
            self.now_ms += int(move.arg)
            self.clocks += 1
            self._say(f"{int(move.arg) / 1000:g} s pass")
            return True
        if move.what == "step":
            return self._set_clocks(int(move.arg))
        for write in self.late:
            if write.name == move.arg and self.now_ms < write.until_ms:
                self.late.remove(write)
                self._tell(write.sender, write.sender.effect, self._perform(write.sender), "; IT ARRIVES LATE")
                return True
        for flight in self.flights:
            if flight.token == move.arg and self._flies(flight):
                self.flights.remove(flight)
                self._say(f"the start of {flight.token} that was in flight arrives")
                self.start(flight.request, flight.token, self.history.claimed.get(flight.token, 0))
                return True
        return False

    def _set_clocks(self, ms: int) -> bool:
        """Where all share one clock, it is set back. Where each has its own, they drift, within the margin."""
        margin_ms = self.scenario.margin_ms
        if margin_ms == 0 and self.back_ms + ms > self.terms.claim_lease_ms:
            return False  # how long a token is remembered is measured by this clock, with a lease to spare
        self.back_ms += ms
        least_ms = min((0, *self.scenario.skews_ms))
        for n, actor in enumerate(self.actors.values()):
            drifted_ms = (actor.skew_ms + ms * (n + 1)) % (margin_ms + 1) + least_ms
            actor.skew_ms = drifted_ms if margin_ms else actor.skew_ms - ms
        self.history.steps += 1
        self._say(f"the clocks are set: {[actor.skew_ms for actor in self.actors.values()]}")
        return True

    def _effect_move(self, actor: Actor, what: str) -> bool:
        if what == "go":
            return self._go(actor)
        if Move(actor.name, what) not in self.fault_moves(actor):
            return False
        self.faults += 1
        self.history.faults += what != "refuse"
        effect = actor.effect
        if what == "die":
            self._die(actor)
        elif what == "drop":
            if isinstance(effect, Start) and not self._can_go(actor):
                return False
            answer = self._perform(actor)
            actor.sent = True
            self._note(actor, "sent")
            self._tell(actor, effect, answer, "; THE ANSWER IS LOST")
        elif what == "late":
            name = f"write-{self.faults}"
            self.late.append(LateWrite(name, copied(actor), self.now_ms + self.terms.claim_lease_ms))
            self._say(f"{actor.name} {_shown(effect)}: NO ANSWER, {name} IS STILL ON ITS WAY")
            self._resume(actor, error=StoreUnavailable("no answer"))
        elif what == "fail" and isinstance(effect, Start | Find | Poll | Cancel):
            self._say(f"{actor.name} {_shown(effect)}: NO ANSWER")
            actor.unsure = isinstance(effect, Find)
            self._resume(actor, error=StartUnknown("no answer"))
        elif what == "fail":
            self._say(f"{actor.name} {_shown(effect)}: THE STORE DOES NOT ANSWER")
            self._resume(actor, error=StoreUnavailable("no answer"))
        elif what == "refuse":
            self._say(f"{actor.name} {_shown(effect)}: REFUSED")
            self.history.refusals.append((self.history.next(), self.now_ms, effect.token))
            self._resume(actor, error=StartRefused("account limit", worth_retrying=True))
        else:
            until_ms = actor.checked_ms + self._longest_pause_ms(actor)
            self.flights.append(Flight(effect.request, effect.token, until_ms))
            self._say(f"{actor.name} {_shown(effect)}: NO ANSWER, THE REQUEST IS STILL IN FLIGHT")
            self._resume(actor, error=StartUnknown("time-out"))
        return True

    def _flies(self, flight: Flight) -> bool:
        return self.now_ms < flight.until_ms

    def _can_go(self, actor: Actor) -> bool:
        """A start read later than the protocol claims to survive is outside its assumptions."""
        late = self.now_ms - actor.checked_ms >= self._longest_pause_ms(actor)
        return not (late and isinstance(actor.effect, Start))

    def _longest_pause_ms(self, actor: Actor) -> int:
        """Who could not ask for the build, and trusts that the token is remembered, has only what is left of that."""
        if actor.unsure:
            return self.scenario.token_memory_ms - self.terms.token_memory_ms
        return self.scenario.max_pause_ms

    def _go(self, actor: Actor) -> bool:
        if not self._can_go(actor):
            return False
        effect = actor.effect
        answer = self._perform(actor)
        if not isinstance(effect, Now):
            self._tell(actor, effect, answer)
        self._resume(actor, answer)
        return True

    # --- calls ---------------------------------------------------------------------------------

    def _begin(self, actor: Actor, call: str) -> None:
        self._say(f"{actor.name} calls {call}")
        actor.calls += 1
        actor.call, actor.looked, actor.unsure, actor.reports = call, False, False, None
        self._note(actor, (call, self.now_ms) if "at=now" in call else call)
        actor.asked, actor.began = None, self.history.next()
        actor.asks = self._asks(actor, call)
        self._resume(actor)

    def _asks(self, actor: Actor, call: str) -> Call | Asks:
        """The call; where states are compared, one that can be copied. An edit tells its actor what it saw: it always
        runs."""
        make = self._maker(actor, call)
        if self.known is None:
            return make(actor)
        return Call(make, actor, self.known if call.split()[0] in {"trigger", "wake", "turn"} else None)

    def _maker(self, actor: Actor, call: str) -> Callable[[Actor], Asks]:
        verb, *words = call.split()
        token = f"{actor.name}{actor.calls}"
        terms, snapshot = self.terms, actor.snapshot
        if verb == "trigger":
            request = self._request(words, token)
            asked = Asked(
                token=token,
                actor=actor.name,
                called=self.history.next(),
                called_ms=self.now_ms,
                request=request,
                waits="waits" in words,
            )
            actor.asked = asked
            self.history.asked.append(asked)
            trigger = Trigger(request=request, token=token, waits=asked.waits)
            return lambda _: protocol.trigger(trigger, terms, snapshot)
        if verb in {"wake", "turn"}:
            self.history.wakes.add(token)
            wake = Wake(gate=KEY, token=token, waiter=self._last_asked(actor) if verb == "turn" else None)
            return lambda _: protocol.wake(wake, terms)
        if verb == "snippet":
            return lambda _: snippet(terms.policy.cooldown_ms)
        if verb in {"back", "ahead"}:
            return lambda _: person(verb)
        change = self._change(actor, verb, words)
        return lambda one: protocol.edit(partial(change, one), terms)

    def _request(self, words: list[str], token: str) -> Request:
        named = dict(word.split("=") for word in words if "=" in word)
        return Request(
            project=KEY.project,
            region=KEY.region,
            source_version=f"of-{token}" if "version" in words else named.get("version"),
            event_id=named.get("event"),
            forced="force" in words,
            line=named.get("line"),
            at_ms=self.now_ms if named.get("at") == "now" else int(named["at"]) if "at" in named else None,
            parent=named.get("parent"),
        )

    def _change(self, actor: Actor, verb: str, words: list[str]) -> Change:
        if verb == "finish":
            return self._finish(actor, words)
        if verb == "again":
            return self._report(actor, next((build for build in self.history.builds if build.ended), None))
        if verb == "hold":
            until = 20 * 60_000 if words else None
            return lambda _, record, now_ms: people.held(
                record, Hold(since_ms=now_ms, why="incident", until_ms=until and now_ms + until)
            )

        def act(now_ms: int) -> Act:
            return Act(what=verb, at_ms=now_ms, by=actor.name)

        return {
            "resume": lambda _, record, now_ms: people.resumed(record, act(now_ms)),
            "reset": lambda _, record, now_ms: people.reset(record, act(now_ms)),
            "drop": lambda _, record, now_ms: people.reset(record, act(now_ms), drop_pending=True),
        }[verb]

    def _last_asked(self, actor: Actor) -> str:
        """The token of the last trigger of this actor that was answered; empty: there is none."""
        mine = [a.token for a in self.history.asked if a.actor == actor.name and a.decision]
        return mine[-1] if mine else ""

    def _finish(self, actor: Actor, words: list[str]) -> Change:
        """The oldest (or newest) build that still runs ends, and its end is reported."""
        going = [build for build in self.history.builds if build.ended is None]
        build = going[-("last" in words)] if going else None
        if build is not None:
            build.ended, build.ended_ms = self.history.next(), self.now_ms
            build.succeeded = "failed" not in words
        return self._report(actor, build)

    def _report(self, actor: Actor, build: Build | None) -> Change:
        """The end of a build is reported; ``None``: of one that Holdoff did not start."""
        end = End(build_id="none" if build is None else build.id, succeeded=build is None or build.succeeded)
        actor.reports = build
        terms = self.terms

        def change(actor: Actor, record: Record, now_ms: int) -> Record:
            actor.runs = record.running is not None and record.running.build_id == end.build_id
            return builds.finished(record, end, terms, now_ms)

        return change

    def _keep_end(self, actor: Actor) -> None:
        """As ``Gate.finished`` does once the record has been told: the end of a build before the newest."""
        build, actor.reports = actor.reports, None
        if build is None:
            return
        build.reported = True
        for kept in () if actor.runs else self.store.history(KEY):
            if kept.build_id == build.id and kept.succeeded is None and kept.detail is None:
                self.store.keep(KEY, kept.but(ended_ms=self.now_ms, succeeded=build.succeeded))

    def _resume(self, actor: Actor, answer: object = None, error: Exception | None = None) -> None:
        """Give the answer, and run on to the next effect that the world can see."""
        assert actor.asks is not None
        if actor.effect is not None:
            told = repr(error) if error else answer
            self._note(actor, told)
        try:
            while True:
                effect = actor.asks.throw(error) if error else actor.asks.send(answer)
                error = None
                if isinstance(effect, NewId):
                    actor.ids += 1
                    answer = actor.write_id = f"{actor.name}.{actor.ids}"
                elif isinstance(effect, Now) and not (self.scenario.fine and actor.looked):
                    answer = self._clock_of(actor)
                    self._note(actor, answer)
                else:
                    break
        except StopIteration as stop:
            self._ended(actor, stop.value)
        except StoreError as problem:
            self._raised(actor, str(problem))
        except Exception as problem:  # noqa: BLE001  (any other is what we look for)
            self.history.crashes.append(f"{actor.name} {actor.call}: {problem!r}")
            self._raised(actor, repr(problem))
        else:
            actor.effect, actor.sent = effect, False
            actor.looked = actor.looked or not isinstance(effect, Now)

    def _note(self, actor: Actor, told: object) -> None:
        """What an actor was told becomes part of its key, where states are compared."""
        if self.known is not None:
            actor.key = hash((actor.key, self._record_key() if told is self.record else told))

    def _record_key(self) -> int:
        """The hash of what stands in the store. Most moves leave that as it is."""
        if self.hashed[0] is not self.record:
            self.hashed = (self.record, hash(self.record))
        return self.hashed[1]

    def _clock_of(self, actor: Actor) -> int:
        actor.checked_ms = self.now_ms
        return self.now_ms + actor.skew_ms

    def _idle(self, actor: Actor) -> None:
        actor.asks = actor.effect = actor.asked = None
        actor.sent = False

    def _ended(self, actor: Actor, value: object) -> None:
        asked = actor.asked
        if isinstance(value, Decided):
            actor.snapshot = value.snapshot
            self._check_again(value)
            if self.tell is not None:
                self._say(f"   {actor.name}: {value.decision} [{value.decision.why}]")
            if asked is not None:
                asked.decided = self.history.next()
                asked.decision = value.decision
            elif value.decision.why in OVERRIDDEN:
                self._note_held_up(actor, value.decision.why)
        elif isinstance(value, Snapshot):
            actor.snapshot = value
            self._keep_end(actor)
        self._idle(actor)

    def _note_held_up(self, actor: Actor, why: Why) -> None:
        """A wake is told to wait, though a forced trigger was put off before, and nothing was claimed since."""
        latest = max((*self.history.drops, *self.history.claimed.values()), default=0)
        for asked in self.history.asked:
            is_put_off = asked.decision is not None and asked.decision.outcome is Outcome.DEFERRED
            if asked.request.forced and is_put_off and latest < asked.called and (asked.decided or 0) < actor.began:
                self.history.held_up.append(f"{asked.token} was forced, and a wake was told {why}")

    def _check_again(self, decided: Decided) -> None:
        """What a process would answer again, without deciding, is what it would decide: at both ends of that time."""
        kept = decided.snapshot
        if kept.skip is None or kept.skipped is None or kept.record is None:
            return
        trigger = Trigger(request=kept.skipped, token=kept.skip.token)
        for at_ms in (kept.skip.decided_ms, kept.skip_until_ms - 1):
            said = protocol.again(kept, at_ms, 1)
            if said is None:
                continue
            step = decide.on_trigger(kept.record, trigger, self.terms, at_ms)
            if step.record is not kept.record or step.decision.but(id=said.id) != said:
                self.history.wrong_again.append((self.history.next(), at_ms, said.why))

    def _raised(self, actor: Actor, words: str) -> None:
        self._say(f"   {actor.name} raises: {words}")
        if actor.asked is not None:
            actor.asked.lost = True
        actor.snapshot = Snapshot()  # as in a Gate
        self._idle(actor)

    def _die(self, actor: Actor) -> None:
        self._note(actor, "dies")
        self._say(f"{actor.name} DIES{' (its request was sent)' if actor.sent else ''}")
        if actor.asked is not None:
            actor.asked.lost = True
        actor.snapshot = Snapshot()
        self._idle(actor)

    # --- effects -------------------------------------------------------------------------------

    def _perform(self, actor: Actor) -> object:
        match actor.effect:
            case Now():
                return self._clock_of(actor)
            case Get():
                return self.store.get(KEY)
            case Swap(expected, new, history):
                return self._swap(actor, expected, new, history)
            case FoldIn(expected, fold):
                return self._written(actor, lambda: self.store.fold(KEY, expected=expected, fold=fold))
            case Start(request, token):
                is_holder = self.history.holder.get(token) == actor.name
                own = self.history.held if is_holder else self.history.claimed
                return self.start(request, token, own.get(token, 0))
            case Find(_, token):
                return self._find(token)
            case Poll(build_id):
                return self._poll(build_id)
            case Cancel(build_id):
                self._cancel(build_id)
                return None
            case SnippetLook():
                return self._snippet_look()
            case SnippetWrite():
                self._snippet_write(actor)
                return None
            case PersonWrite(verb):
                self._person_write(verb)
                return None
        raise AssertionError(actor.effect)

    def _swap(self, actor: Actor, expected: Record, new: Record, history: tuple[Finished, ...]) -> object:
        return self._written(actor, lambda: self.store.swap(KEY, expected=expected, new=new, history=history))

    def _written(self, actor: Actor, write: Callable[[], object]) -> object:
        before = self.record
        if actor.sent and actor.write_id in self.written and actor.write_id not in before.writes:
            self.history.unrecognised = True
        reply = write()
        if self.record is not before:
            self.written.add(actor.write_id)
            self._note_lastbuild(before)
            self._note_edit(actor, before)
            self._note_due(actor)
            if actor.asked is not None:
                actor.asked.met = (before,)
        elif actor.asked is not None and isinstance(reply, Lost) and actor.write_id in reply.current.writes:
            actor.asked.met = (*actor.asked.met, reply.current)
        return reply

    def _note_due(self, actor: Actor) -> None:
        due_ms, latest_ms = self.record.due_ms, waits.with_due(self.record, self.terms).due_ms
        if latest_ms is not None and (due_ms is None or due_ms > latest_ms):
            self.history.overslept.append(f"{actor.name} {actor.call} left a due later than what is pending asks for")

    def _note_lastbuild(self, before: Record) -> None:
        """Since when which ``lastbuild`` is gone; one that comes back is not."""
        if self.record.lastbuild != before.lastbuild:
            self.history.moved_ms[before.lastbuild_ms or None] = self.now_ms
            self.history.moved_ms.pop(self.record.lastbuild_ms or None, None)

    def _note_turn(self, actor: Actor, before: Record, at_ms: int) -> None:
        pending, due_ms = before.pending, before.due_ms
        if actor.call.split()[0] not in {"wake", "turn"} or pending is None or not pending.waiters or due_ms is None:
            return
        mine = waiter_name(self._last_asked(actor)) if actor.call == "turn" else ""
        ahead = pending.waiters.index(mine) if mine in pending.waiters else len(pending.waiters)
        early_ms = due_ms - (len(pending.waiters) - ahead) * waits.TURN_MS - at_ms
        if early_ms > self.scenario.margin_ms:
            self.history.early[f"{actor.name}'s {actor.call}"] = early_ms

    def _note_claim(self, actor: Actor, before: Record) -> None:
        claim = self.record.claim
        if claim is None:
            return
        seen = before.claim
        if seen is None or (seen.token, seen.attempt) != (claim.token, claim.attempt):
            self.history.holder[claim.token] = actor.name
            self.history.held[claim.token] = self.history.next()
        if seen is None or seen.token != claim.token:
            self.history.claimed[claim.token] = self.history.next()
            self._note_turn(actor, before, claim.claimed_ms)
            hold = before.hold
            if hold and (hold.until_ms is None or hold.until_ms > self.now_ms + self.scenario.margin_ms):
                self.history.on_hold.add(claim.token)

    def _note_edit(self, actor: Actor, before: Record) -> None:
        self._note_claim(actor, before)
        history, verb = self.history, actor.call.split()[0]
        history.holds += verb == "hold"
        if verb in {"reset", "drop"}:
            history.resets.append(history.next())
        if verb == "drop" and before.pending:
            history.drops.append(history.next())
        if before.claim and not self.record.claim and self.record.pending:
            token = before.claim.token
            if not claims.build_of(self.record, token):
                history.given_back.append((history.next(), self.now_ms, token))
                if self.record.pending.failures > before.claim.covers.failures:
                    history.backed_off.add(history.order)
                if history.holder.get(token) != actor.name:
                    history.rolled_back.append((actor.name, token))

    def start(self, request: Request, token: str, claimed: int) -> str:
        """The service: one build for a token, while it remembers it."""
        for build in self.history.builds:
            fresh = self.now_ms - build.started_ms < self.scenario.token_memory_ms
            if build.token == token and fresh:
                if build.request != request:
                    self.history.crashes.append(f"{token} used again with another request")
                return build.id
        again = sum(build.token == token for build in self.history.builds)
        build = Build(
            token=token,
            id=f"b-{token}" + "'" * again,
            claimed=claimed,
            request=request,
            started=self.history.next(),
            started_ms=self.now_ms,
        )
        self.history.builds.append(build)
        self._say(f"   *** build {build.id} starts ***")
        return build.id

    def _find(self, token: str) -> str | None:
        found = [build.id for build in self.history.builds if build.token == token]
        return found[0] if found and self.scenario.finds else None

    def _poll(self, build_id: str) -> str | None:
        for build in self.history.builds:
            if build.id == build_id:
                if build.ended is None and self.draining:
                    build.ended, build.ended_ms = self.history.next(), self.now_ms
                if build.ended is None:
                    return "running"
                return "succeeded" if build.succeeded else "failed"
        return None

    def _cancel(self, build_id: str) -> None:
        for build in self.history.builds:
            if build.id == build_id and build.ended is None:
                build.ended, build.ended_ms = self.history.next(), self.now_ms
                build.cancelled = True

    def _snippet_look(self) -> Decimal | None:
        record = self.record
        if KEY in self.store._gates:
            return record.lastbuild if record.lastbuild is not None else Decimal(0)
        self.store._gates[KEY] = Record(lastbuild=Decimal(self.now_ms // 1000))
        return None

    def _snippet_write(self, actor: Actor) -> None:
        lastbuild = Decimal((self.now_ms + actor.skew_ms) // 1000)
        if lastbuild == self.record.lastbuild:
            return  # the very value that a claim of that instant has written: no reader can tell
        before = self.record
        self.store._gates[KEY] = before.but(lastbuild=lastbuild)
        self._note_lastbuild(before)
        self.history.snippets.append((self.history.next(), int(lastbuild) * 1000 - actor.skew_ms))

    def _person_write(self, verb: str) -> None:
        at_ms = self.now_ms + (99 if verb == "ahead" else -99) * 60_000
        before = self.record
        self.store._gates[KEY] = before.but(lastbuild=seconds_from_ms(at_ms))
        self._note_lastbuild(before)
        self.history.resets.append(self.history.next())

    # --- the end -------------------------------------------------------------------------------

    def drain(self) -> None:
        """All faults stop: calls are ended, a hold is resumed, and fair wakes run until nothing is due."""
        self.draining = True
        self._say("--- from here on nothing fails, and the gate is woken ---")
        for actor in self.actors.values():
            self._run_out(actor)
        one_clock = next(iter(self.actors.values())).skew_ms if self.scenario.margin_ms == 0 else 0
        waker = self.actors.setdefault("W", Actor("W", one_clock))
        if self.record.hold is not None and self.record.hold.until_ms is None:
            self._begin(waker, "resume")
            self._run_out(waker)
        self._wake_all(waker)
        self.history.end = self.record
        self.history.kept = tuple(self.store.history(KEY))

    def _wake_all(self, waker: Actor) -> None:
        self.history.drained_ms = self.now_ms
        for _ in range(MAX_WAKES):
            due_ms = self.record.due_ms
            if due_ms is None:
                return
            left_ms = due_ms - self.now_ms - waker.skew_ms
            if left_ms > 0:
                self._say(f"{left_ms / 1000:g} s pass")
                self.now_ms += left_ms
            self._begin(waker, "wake")
            self._run_out(waker)
        self.history.restless = True

    def _run_out(self, actor: Actor) -> None:
        for _ in range(MAX_EFFECTS):
            if not actor.asks:
                return
            if not self._go(actor):
                self._die(actor)
        self.history.crashes.append(f"{actor.name} {actor.call}: comes to no end")
        self._idle(actor)

    # --- for the search ------------------------------------------------------------------------

    def copy(self) -> World:
        """Another world that stands at the same point."""
        new = World.__new__(World)
        new.__dict__.update(self.__dict__)
        new.store = MemoryStore()
        new.store._gates = self.store._gates.copy()
        new.store._history = {key: kept.copy() for key, kept in self.store._history.items()}
        new.history, same = self.history.copy()
        new.flights, new.done, new.written = self.flights.copy(), self.done.copy(), self.written.copy()
        new.actors = {name: actor.copy(same) for name, actor in self.actors.items()}
        new.late = [replace(write, sender=write.sender.copy(same)) for write in self.late]
        return new

    def key(self) -> int:
        """Hashes all that the future, and the verdict on the past, depend on."""
        actors = tuple((a.key, a.sent, a.checked_ms if a.asks else 0, a.skew_ms) for a in self.actors.values())
        done = tuple(self.done.values())
        return hash(
            (
                self._record_key(),
                KEY in self.store._gates,
                self.now_ms,
                actors,
                done,
                tuple(self.flights),
                tuple((write.name, write.sender.key, write.until_ms) for write in self.late),
                self.faults,
                self.clocks,
                tuple(a.write_id in self.written for a in self.actors.values() if a.sent),
                self.history.key(),
            )
        )

    def _tell(self, actor: Actor, effect: object, answer: object, more: str = "") -> None:
        if self.tell is not None:
            self._say(f"{actor.name} {_shown(effect)}: {_answer(answer)}{more}")

    def _say(self, line: str) -> None:
        if self.tell is not None:
            self.tell(f"{(self.now_ms - T0_MS) / 1000:10.3f}  {line}")


def _shown(effect: object) -> str:
    match effect:
        case Swap(_, new):
            return f"writes {_state(new)}"
        case FoldIn(_, fold):
            return f"folds {fold.request.source_version or 'a trigger'} in"
        case Start(_, token):
            return f"asks for the start of {token}"
        case Find(_, token):
            return f"asks whether {token} was built"
        case Get():
            return "reads"
        case Poll(build_id):
            return f"asks how {build_id} is"
        case Cancel(build_id):
            return f"cancels {build_id}"
        case SnippetLook():
            return "(the old snippet) reads"
    return "writes lastbuild (the old snippet, or a person)"


def _answer(answer: object) -> str:
    if isinstance(answer, Record):
        return _state(answer)
    current = getattr(answer, "current", None)
    if current is not None:
        return f"lost, there is {_state(current)}"
    record = getattr(answer, "record", None)
    return "done" if record is not None else str(answer)


def _state(record: Record) -> str:
    """A record in few words, its instants in seconds since the beginning."""
    parts = []
    if record.lastbuild is not None:
        parts.append(f"lastbuild {_at(cast('int', record.lastbuild_ms))}")
    if record.claim:
        claim = record.claim
        parts.append(f"claim {claim.token}/{claim.attempt} until {_at(claim.lease_until_ms)}")
    if record.pending:
        pending = record.pending
        parts.append(f"pending {pending.count} of {pending.request.source_version}")
    if record.running:
        parts.append(f"running {record.running.build_id}")
    if record.hold:
        parts.append("hold")
    return "{" + ", ".join(parts) + "}"


def _at(ms: int) -> str:
    return "0" if ms == 0 else f"{(ms - T0_MS) / 1000:+g}"
