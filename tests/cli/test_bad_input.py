"""Bad input of every kind: its exit status, one clear line on stderr, nothing on stdout, nothing run."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import PATIENCE

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

RAN = ("--", "sh", "-c", "echo ran >> ran")


def refused(cli: Cli, status: int, words: str, *argv: str, prelude: str = "") -> str:
    """It ends with this status and one line with these words."""
    done = cli(*argv, prelude=prelude)

    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert done.stderr.startswith("holdoff: ")
    assert done.stderr.count("\n") == 1
    assert done.stderr.isprintable() or done.stderr[:-1].isprintable()
    assert cli.lines() == []
    return done.stderr


@pytest.mark.parametrize(
    ("cooldown", "words"),
    [
        ("-5", "zero or more: a duration cannot be negative"),
        ("-5m", "a duration such as 90 (seconds), '10m' or '1h30m'"),
        ("10000d", "at most 366d"),
        ("10 minutes", "a duration such as"),
        ("", "a duration such as"),
        ("nan", "a duration such as"),
        ("5m1h", "a duration such as"),
        ("1" * 5_000, "at most 366d"),
        ("٣", "a duration such as"),
    ],
)
def test_a_cooldown_that_cannot_be(cli: Cli, cooldown: str, words: str) -> None:
    refused(cli, 2, words, "run", "p", f"--cooldown={cooldown}", *RAN)


def test_a_store_that_no_file_names_is_told_where_it_comes_from(cli: Cli) -> None:
    cli.environment["HOLDOFF_STORE"] = "gates.db"
    refused(cli, 78, "holdoff: --store or HOLDOFF_STORE: store is text", "run", "p", "--cooldown=1h", *RAN)


def test_an_option_is_named_as_it_is_written(cli: Cli) -> None:
    refused(cli, 2, "--max-wait is ", "run", "p", "--cooldown=1h", "--wait", "--max-wait=x", *RAN)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("PROJECT", "", "PROJECT is ''; write a name of 1 to 2,048 bytes"),
        ("PROJECT", "x" * 2_049, "1 to 2,048 bytes; this one has 2,049"),
        ("PROJECT", "é" * 1_025, "1 to 2,048 bytes; this one has 2,050"),
        ("PROJECT", "a\nb", "PROJECT is 'a\\nb'; write a name"),
        ("PROJECT", "a\x1b[31mb", "without control characters"),
        ("PROJECT", "p@", "PROJECT is 'p@'; write a key after its '@'"),
        ("--key", "", "--key is ''; write text of 1 to 2,048 characters"),
        ("--region", "", "--region is ''; write a name of 1 to 1,024 bytes"),
        ("--region", "x" * 1_025, "1 to 1,024 bytes; this one has 1,025"),
        ("--region", "a#b", "without '#'"),
    ],
)
def test_a_name_that_cannot_be(cli: Cli, option: str, value: str, words: str) -> None:
    project, more = (value, ()) if option == "PROJECT" else ("p", (f"{option}={value}",))
    refused(cli, 2, words, "run", project, "--cooldown", "1h", *more, *RAN)


@pytest.mark.parametrize("option", ["--source-version", "--event-id", "--line", "--parent", "--at"])
def test_what_a_trigger_cannot_ask_for(cli: Cli, option: str) -> None:
    """Such as the variable of a CI that is not set."""
    cli.config("[projects.p]\ncooldown = 0\nstarter = { command = ['sh', '-c', 'echo ran >> ran'] }")
    refused(cli, 2, f"{option} is ''; write ", "trigger", "p", option, "")


def test_no_part_of_a_past(cli: Cli) -> None:
    refused(cli, 2, "--last is '0'; write more than zero", "plan", "--git", ".", "--last", "0")


def test_two_keys(cli: Cli) -> None:
    refused(
        cli, 2, "--key is 'y'; write the key once: p@x has one already", "run", "p@x", "--key=y", "--cooldown=1h", *RAN
    )


@pytest.mark.parametrize("verb", ["status", "plan"])
def test_a_key_of_no_project(cli: Cli, verb: str) -> None:
    refused(cli, 2, "--key goes with PROJECT", verb, "--key", "main")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--store", "gates.db", "write 'sqlite:///PATH'"),
        ("--store", "mysql://x", "write 'sqlite:///PATH'"),
        ("--store", "sqlite://x.db", "a relative path; one more slash for an absolute one"),
        ("--store", "dynamodb://[", "dynamodb://TABLE?region=REGION"),
        ("--config", "/no/such.toml", "--config is '/no/such.toml'; write a file that exists"),
    ],
)
def test_a_place_that_cannot_be(cli: Cli, option: str, value: str, words: str) -> None:
    """It may come from the environment as well."""
    refused(cli, 78, words, "run", "p", "--cooldown", "1h", f"{option}={value}", *RAN)


def test_no_error_advises_a_store_that_ends_with_the_command(cli: Cli) -> None:
    """What a command defers in ``memory:`` is lost when the command ends."""
    said = refused(cli, 78, "dynamodb://TABLE?region=REGION", "run", "p", "--cooldown=1h", "--store=mysql://x", *RAN)

    assert "memory" not in said


@pytest.mark.parametrize("length", [2_047, 2_048])
def test_a_name_may_have_2048_bytes(cli: Cli, length: int) -> None:
    assert cli("run", "x" * length, "--cooldown", "1h", *RAN).returncode == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cooldown = ", "holdoff.toml: the file is not TOML: "),
        ("[projects.docs]\ncoldown = 1", "write cooldown (did you mean that?)"),
        ('[projects."a\\u001b[31m\\nb"]\ncooldown = 1', "without control characters"),
        ("[projects.docs]\ncooldown = '1h'\nmax_wait = 1", "write quiet as well"),
    ],
)
def test_a_file_that_is_wrong(cli: Cli, text: str, words: str) -> None:
    cli.config(text)
    told = refused(cli, 78, words, "run", "p", "--cooldown", "1h", *RAN)

    assert f"{cli.folder}/holdoff.toml: " in told
    refused(cli, 78, words, "status")


@pytest.mark.parametrize("verb", ["run", "status", "item", "check"])
def test_a_store_that_is_none(cli: Cli, verb: str) -> None:
    argv = {
        "run": ("run", "p", "--cooldown", "1h"),
        "status": ("status",),
        "item": ("item", "p"),
        "check": ("store", "check"),
    }[verb]
    command = RAN if verb == "run" else ()
    (cli.folder / "diary").write_text("my diary\n" * 500)
    with sqlite3.connect(cli.folder / "other.db") as db:
        db.execute("CREATE TABLE diary (day)")
    db.close()

    def store(name: str, status: int, words: str) -> None:
        refused(cli, status, words, *argv, "--store", f"sqlite:///{name}", *command)

    store("diary", 78, "If it is no store, name another file: --store sqlite:///PATH")
    store("other.db", 78, "is a database of another program")
    store(".", 78, "is a folder. Name a file in it")
    if verb == "run":  # the others make nothing
        store("diary/gates.db", 77, "diary/gates.db-journal: Not a directory")
        store("/proc/holdoff/gates.db", 77, "/proc/holdoff: No such file or directory")


def test_a_gate_that_cannot_be_read(cli: Cli) -> None:
    cli("run", "p", "--cooldown", "0", "--", "true")
    for lastbuild in ('"yesterday"', "-5", "1795395667000"):
        cli.spoil(lastbuild)
        refused(cli, 65, "p (local): lastbuild is ", "run", "p", "--cooldown", "1h", *RAN)
        shown = cli("status")
        assert shown.returncode == 65
        assert shown.stdout.startswith("p: cannot be read: lastbuild is ")
        assert "no builds yet" not in cli("history", "p").stdout
        assert cli("item", "p").returncode == 0, "a look at it is how to find out"


def test_a_last_build_in_the_future_counts_as_now(cli: Cli) -> None:
    cli("run", "p", "--cooldown", "0", "--", "true")
    cli.spoil("9000000000")
    done = cli("run", "p", "--cooldown", "1h", *RAN)

    assert (done.returncode, cli.lines()) == (0, [])
    assert "p skipped: the last build is recorded 83" in done.stderr
    assert "ahead of this clock, and counts as now, ready in 1h" in done.stderr


def test_a_store_that_another_process_holds(cli: Cli) -> None:
    cli("run", "p", "--cooldown", "0", "--", "true")
    impatient = "import holdoff.stores.sqlite_file as s; s.BUSY_MS = 50"
    with sqlite3.connect(cli.store.path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        argv = ("run", "p", "--cooldown", "0", *RAN)
        refused(cli, 69, "nothing was written", *argv, prelude=impatient)
        other.execute("ROLLBACK")
    other.close()


def test_a_network_file_system(cli: Cli) -> None:
    mounts = cli.folder / "mounts"
    mounts.write_text("host:/x / nfs4 rw 0 0\n")
    prelude = f"import holdoff.stores.sqlite_place as m; m.MOUNTS = {str(mounts)!r}"
    argv = ("run", "p", "--cooldown", "0", *RAN)

    refused(cli, 78, "is on a network file system (nfs4)", *argv, prelude=prelude)


def test_debug_shows_the_traceback_of_a_typed_error_too(cli: Cli) -> None:
    done = cli("run", "p", "--cooldown", "1h", "--debug", "--store", "sqlite:///.", *RAN)

    assert done.returncode == 78
    assert "Traceback (most recent call last)" in done.stderr
    assert " is a folder. Name a file in it: --store sqlite:///" in done.stderr.splitlines()[-1]


def test_a_word_that_is_missing_is_named_by_what_it_may_be(cli: Cli) -> None:
    """An error asked for an *action*, and nothing says what that is."""
    for verb, words in (("token", "{new,list,revoke}"), ("completion", "{bash,zsh,fish,words}")):
        assert f"are required: {words}\n" in cli(verb).stderr
    assert "argument {init,check}: invalid choice: 'bogus'" in cli("store", "bogus").stderr


def test_a_decisions_id_that_is_cut(cli: Cli) -> None:
    done = cli("explain", "p/local/01M8K9TY52CT9GTXMTXYNM6RM")

    assert (done.returncode, done.stdout) == (1, "")
    assert "(nor is it a decision's id, PROJECT/REGION/TOKEN: the token has 26 characters)" in done.stderr
    assert "decision's id" not in cli("explain", "docs/site").stderr


def test_json_prints_nothing_where_something_is_wrong(cli: Cli) -> None:
    for argv in (("trigger", "p", "--json"), ("status", "--json", "--store", "x")):
        refused(cli, 78, "", *argv)


def test_no_answer_is_waited_for_that_cannot_come(cli: Cli) -> None:
    """Nothing here reads its standard input: a pipe that stays open keeps no caller waiting."""
    process = cli.start("run", "p", "--cooldown", "1h", "--store", "sqlite:///.", *RAN)

    assert process.wait(timeout=PATIENCE) == 78
