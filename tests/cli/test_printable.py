"""Nothing that stands in a store, or on a command line, drives a terminal: all verbs, all fields, all such characters.

C0, DEL and C1 drive it; U+202E and its like turn text around; U+2028 and U+2029 end lines; halves of surrogate pairs
break the stream.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdoff.cli.common import one_line
from holdoff.core.record import Act, Claim, Finished, Hold, Note, Pending, Record, Running
from holdoff.core.request import Request
from holdoff.core.shown import escaped
from tests.cli.conftest import Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
C1 = "".join(map(chr, range(0x80, 0xA0)))
#: What a name may have in it, and a store may keep.
STORED = f"a{C1}{BIDI}\u2028\u2029\ufeff\u200bz"
#: What another program may have written there.
C0 = "".join(map(chr, [*range(1, 0x20), 0x7F]))
MARK = "MARK"
HOSTILE = set(C0 + C1 + BIDI + "\u2028\u2029\ufeff\u200b") - {"\n"}
VERBS = [
    ("status",),
    ("status", "--json"),
    ("status", "--only", "held"),
    ("explain", STORED),
    ("explain", STORED, "--json"),
    ("explain", STORED, "--event", STORED),
    ("explain", STORED, "--source-version", STORED),
    ("history", STORED),
    ("history", STORED, "--json"),
    ("item", STORED),
    ("resume", STORED, "--by", STORED, "--why", STORED),
    ("reset", STORED),
    ("hold", STORED, "--by", STORED, "--why", STORED),
    ("wake",),
    ("trigger", STORED),
    ("trigger", STORED, "--json"),
    ("run", STORED, "--cooldown", "1h", "--", "true"),
    ("run", STORED, "--cooldown", "1h", "-v", "--force", "--", "true"),
    ("completion", "words", "--", "status", ""),
    ("status", f"{STORED}x"),
    ("status", f"--{STORED}"),
    (f"sta{STORED}tus",),
    ("status", "--store", STORED),
    ("status", "--config", STORED),
    ("store", STORED),
    ("status", "--only", STORED),
    ("status", "--debug", "--store", f"sqlite:///{STORED}/\n"),
]


def full_of(text: str, name: str) -> Record:
    """A record with this text wherever there is text."""
    request = Request(
        project=name, region="local", reason=text, source_version=text, event_id=text, by=text, line=text, parent=text
    )
    note = Note(reason=text, version=text)
    fold = Pending(request=request, count=2, first_ms=1, last_ms=2, notes=(note,), failures=1, waiters=(text,))
    end = Finished(
        build_id=text, token=text, started_ms=1, claimed_ms=1, ended_ms=2, succeeded=False, detail=text, covers=None
    )
    running = Running(build_id=text, token=text, started_ms=3, claimed_ms=3, lease_until_ms=4, covers=fold)
    return Record(
        pending=fold,
        claim=Claim(token=text, claimed_ms=1, held_ms=1, lease_until_ms=10**15, covers=fold),
        running=running,
        finished=end,
        hold=Hold(since_ms=1, why=text, by=text),
        acts=(Act(what="hold", at_ms=1, by=text, why=text),),
        built=text,
        due_ms=1,
    )


@pytest.fixture
def hostile(cli: Cli) -> Cli:
    """Gates with hostile text in all fields: as names and texts may be, and as another program may write them."""
    cli.config('[projects.site]\ncooldown = "1h"\nstarter = { command = ["true"] }\n')
    for name in (STORED, "held"):
        record = full_of(STORED, name)
        cli.change(lambda _, record=record: record, name)  # type: ignore[misc]
    cli.change(lambda record: record.but(claim=None, running=None, pending=None), "held")
    cli.change(lambda _: full_of(MARK, "spoilt"), "spoilt")
    cli.change(lambda _: full_of(MARK, "spoilt").but(claim=None, running=None, pending=None), "spoilt too")
    with sqlite3.connect(cli.store.path) as db:
        for table, column in (("gates", "item"), ("history", "build")):
            db.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (MARK, json.dumps(C0)[1:-1]))
    db.close()
    return cli


def driving(text: str) -> set[str]:
    """What of it drives a terminal, or turns text around."""
    return {char for char in text if char in HOSTILE}


@pytest.mark.parametrize("argv", VERBS, ids=lambda argv: " ".join(argv).encode("ascii", "replace").decode()[:40])
def test_nothing_gets_through_a_pipe(hostile: Cli, argv: tuple[str, ...]) -> None:
    done = hostile(*argv)

    assert driving(done.stdout + done.stderr) == set()
    if "--json" in argv and done.stdout:
        json.loads(done.stdout)


@pytest.mark.parametrize("argv", [("status",), ("explain", STORED), ("history", STORED), ("explain", "spoilt too")])
def test_nothing_gets_into_a_terminal(hostile: Cli, argv: tuple[str, ...]) -> None:
    terminal = Terminal(hostile, *argv, columns=4_000, variables={"NO_COLOR": "1"})
    terminal.end()

    assert len(terminal.seen) > len(STORED)
    assert driving(terminal.seen.replace("\r\n", "\n")) == set()


def test_no_field_forges_a_line(hostile: Cli) -> None:
    hostile.change(
        lambda record: record.but(hold=Hold(since_ms=1, why="x\nsite: ready, never built", by="y\r")), "held"
    )

    for verb in ("status", "explain"):
        assert not [line for line in hostile(verb, "held").stdout.splitlines() if line.startswith("site")]


def test_json_says_exactly_what_stands_there(hostile: Cli) -> None:
    names = [gate["project"] for gate in hostile.json("status", "held", "--json")["gates"]]
    hold = hostile.json("status", "held", "--json")["gates"][0]["hold"]

    assert names == ["held"]
    assert hold["why"] == STORED


@given(st.text() | st.text(alphabet=sorted(HOSTILE | {"\n", "\ud800", "a"})))
def test_what_is_printed_is_printable(text: str) -> None:
    assert escaped(text).isprintable()
    assert one_line(text).isprintable()
    assert escaped(one_line(text)) == one_line(text)


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"])))
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert escaped(text) == text


def test_half_of_a_pair_that_another_program_wrote_is_json(cli: Cli) -> None:
    cli.change(lambda _: Record(lastbuild=None))
    with sqlite3.connect(cli.store.path) as db:
        db.execute("""UPDATE gates SET item = json_set(item, '$.note', json('"\\ud800x"'))""")
    db.close()

    assert cli.json("item", "p")["note"] == "\ud800x"
