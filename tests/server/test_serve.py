"""``holdoff serve`` as a process: how it begins, drains, is killed and goes on; and the verbs beside it."""

from __future__ import annotations

import datetime
import json
import re
import shlex
import signal
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdoff.config.server import Server as ServerConfig
from holdoff.core.record import Pending, Record
from holdoff.core.request import GateKey, Request
from holdoff.server.run import listening
from holdoff.stores.open import open_store
from tests.cli.conftest import PATIENCE, Cli, Terminal, cli, line_of, line_with
from tests.cli.test_startup import imported
from tests.server.conftest import signed_push
from tests.server.test_ends import github
from tests.standins.hooks import HookStandin
from tests.waiting import until as wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdoff.stores.base import Store

__all__ = ["cli"]
pytestmark = pytest.mark.slow
SECRET = "it is a secret"
FILE = """
[projects.site]
cooldown = "1h"
starter = { command = ["sh", "-c", '''COMMAND'''] }

[webhooks]
github = "env:GITHUB"
url = "env:URL_SECRET"
"""

ON_GITHUB = """
[projects.web]
cooldown = "1h"
starter = { github = "ann/web", workflow = "build.yml" }

[webhooks]
url = "env:URL_SECRET"
"""
#: The end of a build is told by webhook.
TELLING = """
[projects.site]
cooldown = "1h"
allow = ["end"]
starter = { github = "acme/site", workflow = "build.yml" }

[[rules]]
when = { "http.headers.x-github-event" = "workflow_run" }
project = "site"

[webhooks]
github = "env:GITHUB"
"""


#: All that has a bound, for the sake of senders and service managers, may take as long as a slow machine needs.
PATIENT = f"""
import holdoff.server.bodies, holdoff.server.hooks, holdoff.server.run, holdoff.server.starts
import holdoff.starters.processes, holdoff.stores.sqlite_file
holdoff.server.bodies.READ_S = holdoff.server.hooks.ANSWERED_S = holdoff.server.starts.DECIDED_S = {PATIENCE}
holdoff.server.run.DRAIN_S = holdoff.server.starts.STARTED_S = {PATIENCE}
holdoff.starters.processes.GRACE_MS = holdoff.stores.sqlite_file.BUSY_MS = {1000 * PATIENCE}
"""
#: But an answer waits for no start.
HASTY = f"{PATIENT}holdoff.server.starts.STARTED_S = 0.1\n"


class Server:
    """A server that has begun. ``token`` has all scopes."""

    def __init__(
        self, cli: Cli, command: str = "echo $HOLDOFF_SOURCE_VERSION >> ran", *options: str, prelude: str = PATIENT
    ) -> None:
        self.cli = cli
        if not (cli.folder / "holdoff.toml").exists():
            cli.config(FILE.replace("COMMAND", command))
        cli.environment |= {"GITHUB": SECRET, "URL_SECRET": "in-the-url-7f3a"}
        made = cli("token", "new", f"t{len(cli.started)}", "--scope", "look,trigger,operate")
        self.token = made.stdout.strip()
        self.log = cli.folder / f"log{len(cli.started)}"  # a pipe that is not read would fill up
        with self.log.open("w") as log:
            options = ("--listen", "127.0.0.1:0", "--every", "50ms", *options)
            self.process = cli.start("serve", *options, stdout=log, prelude=prelude)
        said = line_of(self.process.stderr)
        found = re.search(r"serving \S+ on https?://127\.0\.0\.1:(\d+); Ctrl-C ends it", said)
        assert found, said + (self.process.stderr.read() if self.process.stderr else "")
        self.port = int(found[1])

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        """One request: its status and what its body says."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {"authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(text) if text[:1] in b"{[" else text.decode()

    def api(self, path: str, **body: object) -> Any:
        """A call of the API."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        return self.ask("POST", f"/api/v1/{path}", json.dumps(body).encode(), headers)

    def push(self, place: int) -> int:
        """A push, and the status of its answer; 0: there was none."""
        try:
            status: int = self.ask("POST", "/hooks/site", *signed_push(f"d{place}", SECRET, f"{place + 1:07}"))[0]
        except (OSError, HTTPException):
            return 0
        return status

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, list[dict[str, Any]], str]:
        """End it: its exit status, the lines of its log, and what it still said."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, self.lines(), errors

    def lines(self) -> list[dict[str, Any]]:
        """Its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def is_there(self) -> bool:
        """Whether it takes requests."""
        try:
            return bool(self.ask("GET", "/healthz")[0] == 200)
        except (OSError, HTTPException):
            return False


# --- the main job ----------------------------------------------------------------------------------------------------


def test_from_a_push_to_a_build_and_its_end(cli: Cli) -> None:
    server = Server(cli, "until grep -q decision log0; do sleep 0.05; done; echo $HOLDOFF_SOURCE_VERSION >> ran")
    status, answer = server.ask("POST", "/hooks/site", *signed_push("d1", SECRET, "4f2a91c"))
    wait_for(lambda: cli.record("site").finished)
    code, lines, errors = server.end()

    assert (status, answer["outcome"]) == (200, "started")
    assert cli.lines() == ["4f2a91c"]
    assert [(line["event"], line.get("exit_status")) for line in lines] == [("decision", None), ("finished", 0)]
    assert (code, errors) == (0, "")


def test_what_is_deferred_is_built_by_the_loop_inside(cli: Cli) -> None:
    server = Server(cli)
    server.push(1)
    wait_for(server.lines)  # its start is over: a start that is under way begins a cooldown of its own
    server.push(2)
    assert server.api("reset", project="site")[0] == 200
    wait_for(lambda: len(cli.lines()) == 2)
    lines = server.end()[1]

    assert cli.lines() == ["0000002", "0000003"]
    first, second = (line["kind"] for line in lines if line.get("outcome") == "started")
    assert (first in ("http", "start"), second) == (True, "wake")


def test_a_build_that_fails_is_a_failed_build(cli: Cli) -> None:
    server = Server(cli, "exit 3")
    server.push(1)
    wait_for(lambda: cli.record("site").finished)
    (build,) = server.ask("GET", "/api/v1/history?project=site")[1]["builds"]

    assert (build["succeeded"], build["exit_status"]) == (False, 3)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (FILE, "webhooks.github is env:GITHUB, a variable that is not set or empty; write "),
        (FILE.partition("[webhooks]")[0], "no webhook is accepted: [webhooks] of holdoff.toml names no secret"),
        (
            ON_GITHUB,
            "projects.web.starter: the secret is env:GITHUB_TOKEN, a variable that is not set or empty; write ",
        ),
    ],
    ids=["not set", "none", "of a starter"],
)
def test_a_secret_that_is_missing_is_told_at_the_start(cli: Cli, file: str, said: str) -> None:
    cli.config(file.replace("COMMAND", "true"))
    cli.environment["URL_SECRET"] = "in-the-url-7f3a"
    process = cli.start("serve", "--listen", "127.0.0.1:0", "--anonymous", "look")
    assert "serving " in line_of(process.stderr)
    assert said in line_of(process.stderr)
    process.terminate()
    assert "URL_SECRET" not in process.communicate(timeout=PATIENCE)[1]


def test_it_is_alive_and_ready(cli: Cli) -> None:
    server = Server(cli)

    assert server.ask("GET", "/healthz", headers={"x": "y"}) == (200, "ok\n")
    assert server.ask("GET", "/readyz", headers={"x": "y"}) == (200, "ok\n")
    assert "holdoff_last_look_timestamp_seconds 1." in server.ask("GET", "/metrics")[1]


def test_an_edit_counts_without_a_restart(cli: Cli) -> None:
    server = Server(cli)
    file = cli.folder / "holdoff.toml"
    file.write_text(file.read_text().replace("projects.site", "projects.docs"))
    assert line_of(server.process.stderr) == f"holdoff: {file} was read again\n"

    assert server.api("trigger", project="docs")[1]["outcome"] == "started"
    assert server.api("trigger", project="site")[0] == 404


def test_an_edit_with_a_rule_that_takes_no_event_changes_nothing(cli: Cli) -> None:
    """The loop went by it, and the hooks did not."""
    server = Server(cli)
    file = cli.folder / "holdoff.toml"
    wrong = file.read_text().replace("projects.site", "projects.docs")
    file.write_text(wrong + '[[rules]]\nwhen = { "change.sender" = "Github" }\nproject = "docs"\n')
    line = line_of(server.process.stderr)

    assert "rules[0].when.change.sender is 'Github'" in line
    assert line.endswith("The settings stay as they were\n")
    assert server.api("trigger", project="site")[1]["outcome"] == "started"


# --- draining --------------------------------------------------------------------------------------------------------


def test_sigterm_lets_requests_end_and_takes_no_more(cli: Cli) -> None:
    """A request whose body is still on its way is answered; its build ends as the loop's do."""
    server = Server(cli, "trap 'echo told >> ran; exit 1' TERM; echo began >> ran; while :; do sleep 0.05; done")
    body, headers = signed_push("d1", SECRET)
    slow = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    slow.putrequest("POST", "/hooks/site")
    for name, value in (headers | {"content-length": str(len(body))}).items():
        slow.putheader(name, value)
    slow.endheaders(body[:10])
    assert server.is_there()
    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: not server.is_there())
    slow.send(body[10:])
    answer = slow.getresponse()
    told = json.loads(answer.read())
    slow.close()
    server.process.communicate(timeout=PATIENCE)

    assert (answer.status, told["outcome"]) == (200, "started")
    assert cli.lines() == ["began", "told"]
    assert [line["exit_status"] for line in server.lines() if "exit_status" in line] == [1]
    assert server.process.returncode == 0
    assert cli.record("site").finished is not None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_where_nothing_runs(cli: Cli, number: signal.Signals) -> None:
    assert Server(cli).end(number) == (0, [], "")


#: One webhook is carried out at a time. The store does not answer until they are waited for, and then it cannot.
AWAY = """
import threading
from concurrent.futures import ThreadPoolExecutor
import holdoff.server.hooks, holdoff.server.starts
from holdoff.core.errors import StoreUnavailable
from holdoff.stores.sqlite import SQLiteStore
holdoff.server.hooks.ANSWERED_S, holdoff.server.starts.AT_ONCE = 0.1, 1
is_waited_for = threading.Event()
def get(store, key):
    is_waited_for.wait()
    raise StoreUnavailable("no answer")
def shutdown(pool, made=ThreadPoolExecutor.shutdown):
    if pool._thread_name_prefix == "holdoff-hook":
        is_waited_for.set()
    made(pool)
SQLiteStore.get, ThreadPoolExecutor.shutdown = get, shutdown
"""


def test_sigterm_loses_no_webhook_that_still_waits_for_the_store(cli: Cli) -> None:
    """Those were answered, and their sender does not try again: the end of a build, say."""
    cli.config(TELLING)
    server = Server(cli, prelude=AWAY)
    answers = [server.ask("POST", "/hooks/site", *github(build, "good", None))[0] for build in ("1", "2", "3")]
    assert (answers, server.end()[0]) == ([503, 503, 503], 0)
    assert len(cli.json("dead-letters", "list", "--json")["dead_letters"]) == 3


# --- killed, and a burst ---------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def kept(request: pytest.FixtureRequest, cli: Cli) -> Iterator[Store]:
    """What a server keeps its gates in, as another process sees it."""
    postgres = request.param == "postgres"
    url = request.getfixturevalue("postgres_url") if postgres else f"sqlite:///{cli.folder}/burst.db"
    cli.environment["HOLDOFF_STORE"] = url
    cli.config(FILE.replace("COMMAND", "echo $HOLDOFF_SOURCE_VERSION >> ran; sleep 60"))
    store = open_store(url)
    yield store
    store.close()


def count_of(store: Store) -> int:
    """How many triggers are in the store."""
    key = GateKey("site", "local")
    record = store.get(key)
    kept = [build.covers for build in store.history(key)]
    parts = [part.covers for part in (record.claim, record.running, record.finished) if part]
    folds = {id(fold): fold for fold in (record.pending, *parts, *kept) if fold}
    return sum(fold.count for fold in folds.values())


def test_a_burst_is_answered_and_none_is_lost(cli: Cli, kept: Store) -> None:
    """500 signed pushes, 50 at a time; how long that takes is ``benchmarks``' affair."""
    server = Server(cli)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(server.push, range(500)))
    record = kept.get(GateKey("site", "local"))
    lines = server.end()[1]

    assert set(answers) <= {200, 202}
    assert answers.count(200) <= 1  # the start, if it had ended
    assert record.pending is not None
    assert record.pending.count == 499
    assert len([line for line in lines if line["event"] == "decision"]) == 500


def test_a_kill_loses_nothing_that_was_answered(cli: Cli, kept: Store) -> None:
    """Killed in the midst of a burst, and started again: each push that was answered is built."""
    server, key, answers = Server(cli), GateKey("site", "local"), dict[int, int]()

    def push(place: int) -> None:
        answers[place] = server.push(place)
        if sum(1 for status in list(answers.values()) if status) > 100:
            server.process.kill()

    with ThreadPoolExecutor(50) as pool:
        pushes = [pool.submit(push, place) for place in range(500)]
    assert all(one.done() for one in pushes)
    server.process.communicate()
    answered = {place for place, status in answers.items() if status}
    assert 100 < len(answered) < 500

    again = Server(cli)
    wait_for(lambda: again.push(999) in (200, 202))
    wait_for(lambda: kept.get(key).claim is None)  # a start that the kill left is taken over, and its cooldown begins
    assert again.api("reset", project="site")[0] == 200
    wait_for(lambda: kept.get(key).pending is None and kept.get(key).claim is None)
    again.end()
    assert count_of(kept) >= len(answered) + 1
    assert cli.lines()[-1] == f"{1000:07}"


def over(record: Any) -> Any:
    """The gate with the lease of its claim over."""
    return record.but(claim=record.claim.but(lease_until_ms=1), due_ms=1)


def test_a_kill_between_claim_and_start_is_made_good(cli: Cli) -> None:
    """The starter hangs: the push was answered, and its start is taken over."""
    with HookStandin() as hook:
        cli.environment["HOOK"] = hook.hook
        text = FILE.replace(
            "{ command = [\"sh\", \"-c\", '''COMMAND'''] }",
            '{ webhook = "env:HOOK", id = "build.id", token_memory = "1d" }',
        )
        cli.config(text)
        fault = hook.fault("hang", after=True)
        server = Server(cli, prelude=HASTY)
        status, answer = server.ask("POST", "/hooks/site", *signed_push("d1", SECRET))
        assert fault.arrived.wait(PATIENCE)
        server.process.kill()
        server.process.communicate()
        fault.release()
        assert (status, answer["message"]) == (202, "site started: its start is under way")

        cli.change(over, "site")
        again = Server(cli)
        wait_for(lambda: cli.record("site").running)
        again.end()

    assert len({seen.headers["idempotency-key"] for seen in hook.starts}) == 1
    assert list(hook.builds) == ["b0"]


#: The store takes no build for as long as there is a file "away".
FORGETFUL = f"""{PATIENT}
import os
from holdoff.core.errors import StoreUnavailable
from holdoff.stores.sqlite import SQLiteStore
def swap(store, key, *, new, made=SQLiteStore.swap, **more):
    if new.running is not None and os.path.exists("away"):
        raise StoreUnavailable("no answer")
    return made(store, key, new=new, **more)
SQLiteStore.swap = swap
"""


@pytest.mark.parametrize("is_edited", [False, True])
def test_its_loop_knows_what_its_triggers_have_started(cli: Cli, is_edited: bool) -> None:
    """Also once the file was edited. The hook cannot be asked for a build."""
    with HookStandin() as hook:
        cli.environment["HOOK"] = hook.hook
        cli.config(
            FILE.replace("{ command = [\"sh\", \"-c\", '''COMMAND'''] }", '{ webhook = "env:HOOK", id = "build.id" }')
        )
        (cli.folder / "away").touch()
        server = Server(cli, prelude=FORGETFUL)
        if is_edited:
            file = cli.folder / "holdoff.toml"
            file.write_text(f"{file.read_text()}\n")
            assert "was read again" in line_of(server.process.stderr)
        assert "not yet recorded" in server.ask("POST", "/hooks/site", *signed_push("d1", SECRET))[1]["message"]
        (cli.folder / "away").unlink()
        cli.change(over, "site")
        wait_for(lambda: cli.record("site").running)
        server.end()

    assert len(hook.starts) == 1


def test_a_start_that_hangs_keeps_no_other_gate_waiting(cli: Cli) -> None:
    with HookStandin() as hook:
        cli.environment["HOOK"] = hook.hook
        starter = '{ webhook = "env:HOOK", id = "build.id" }'
        cli.config("".join(f'[projects.{name}]\ncooldown = "1h"\nstarter = {starter}\n' for name in ("a", "b")))
        for name in ("a", "b"):
            due = Pending(request=Request(project=name, region="local"), count=1, first_ms=1, last_ms=1)
            cli.change(lambda _, due=due: Record(pending=due, due_ms=1), name)  # type: ignore[misc]
        fault = hook.fault("hang")
        server = Server(cli, prelude=HASTY)
        wait_for(lambda: len(hook.builds) == 1)
        assert "start_unknown" not in server.log.read_text()  # the first has not given up
        fault.release()
        server.end()

    assert len(hook.starts) == 2


def test_an_answer_is_sent_without_a_wait() -> None:
    """Its body once waited for its head to be acknowledged, 40 ms. What is set where it listens goes for what comes."""
    with listening(ServerConfig(listen="127.0.0.1:0")) as at:
        assert at.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# --- TLS, addresses --------------------------------------------------------------------------------------------------


def certificate(folder: Path, *, is_rsa: bool = False) -> tuple[str, str]:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key = rsa.generate_private_key(65537, 2048) if is_rsa else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(files[0]), str(files[1])


def test_tls_by_given_files(cli: Cli) -> None:
    cert, key = certificate(cli.folder)
    server = Server(cli, "true", "--certificate", cert, "--key", key)
    connection = HTTPSConnection("127.0.0.1", server.port, context=ssl.create_default_context(cafile=cert))
    connection.request("GET", "/healthz")
    answer = connection.getresponse().read()
    connection.close()

    assert answer == b"ok\n"


def test_a_certificate_that_was_renewed_is_taken_at_sighup(cli: Cli) -> None:
    cert, key = certificate(cli.folder)
    server = Server(cli, "true", "--certificate", cert, "--key", key)

    def shown() -> str:
        return ssl.get_server_certificate(("127.0.0.1", server.port), timeout=PATIENCE).strip()

    first = Path(cert).read_text().strip()
    assert shown() == first
    Path(cert).write_text("half of it")
    server.process.send_signal(signal.SIGHUP)
    assert line_with(server.process.stderr, "cert.pem was not read again")
    assert shown() == first
    for is_rsa in (False, True):  # whose key may be of another type
        certificate(cli.folder, is_rsa=is_rsa)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: shown() == Path(cert).read_text().strip())


#: For what is told only once it listens.
ANY_PORT = ("--listen", "127.0.0.1:0")
#: By an option: wrong usage, under its name. By the file: a wrong setting.
REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "elsewhere": (("--listen", "0.0.0.0:0"), "--listen is '0.0.0.0:0'; write 127.0.0.1:PORT, or make a token first"),
    "anonymous elsewhere": (("--listen", "0.0.0.0:0", "--anonymous", "look"), "--anonymous is"),
    "no address": (("--listen", "4653"), "--listen is '4653'; write ADDRESS:PORT"),
    "no port": (("--listen", "127.0.0.1:65536"), "--listen is '127.0.0.1:65536'; write ADDRESS:PORT"),
    "no scope": (("--anonymous", "all"), "--anonymous is 'all'; write one or more of look, trigger, operate"),
    "another's address": (("--listen", "192.0.2.1:0"), "--listen is '192.0.2.1:0'; write an address of this machine"),
    "no certificate": (
        (*ANY_PORT, "--certificate", "none.pem", "--key", "none.pem"),
        "--certificate is 'none.pem'; write",
    ),
    "a certificate alone": (("--certificate", "x.pem"), "--certificate is 'x.pem'; write a file in PEM, and key"),
    "a key alone": (("--key", "x.pem"), "--key is 'x.pem'; write a file in PEM, and certificate"),
    "an empty certificate": (("--certificate", "", "--key", ""), "--certificate is ''; write a file in PEM"),
    "no header": (("--trust-header", "X User"), "--trust-header is 'X User'; write a header's name"),
    "never": (("--every", "0"), "--every is '0'; write more than zero"),
    "no duration": (("--every", "soon"), "--every is 'soon'; write a duration"),
    "a long duration": (("--every", "999999d"), "--every is '999999d'; write at most 366d"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_wrong_is_told(cli: Cli, name: str) -> None:
    options, words = REFUSED[name]
    cli.config(FILE.replace("COMMAND", "true"))
    if name == "another's address":
        cli("token", "new", "x", "--scope", "look")
    done = cli("serve", *options)

    assert (done.returncode, done.stderr.startswith(f"holdoff: {words}")) == (2, True), done.stderr


def test_a_wrong_option_makes_no_store(cli: Cli) -> None:
    cli.config(f"store = 'sqlite:///own.db'\n{FILE.replace('COMMAND', 'true')}")
    cli.environment.pop("HOLDOFF_STORE", None)

    assert cli("serve", "--every", "soon").returncode == 2
    assert not (cli.folder / "own.db").exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('listen = "0.0.0.0:0"', "server.listen is '0.0.0.0:0'"),
        ('listen = "127.0.0.1:0"\ncertificate = "none.pem"\nkey = "none.pem"', "server.certificate is"),
        ('anonymous = "all"', "server.anonymous is 'all'"),
    ],
    ids=["listen", "certificate", "anonymous"],
)
def test_what_is_wrong_in_the_file_is_told_as_the_file_s(cli: Cli, line: str, words: str) -> None:
    cli.config(f"{FILE.replace('COMMAND', 'true')}\n[server]\n{line}\n")
    done = cli("serve", "--every", "1s")

    assert (done.returncode, words in done.stderr) == (78, True), done.stderr


READS_ONLY = """
from holdoff.core.errors import StoreDenied
from holdoff.stores.sqlite import SQLiteStore
def swap(*args, **named):
    raise StoreDenied("gates.db may only be read", hint="chmod u+w gates.db")
SQLiteStore.swap = swap
"""


def test_a_store_that_it_may_only_read_is_told_before_it_listens(cli: Cli) -> None:
    cli.config(FILE.replace("COMMAND", "true"))
    done = cli("serve", prelude=READS_ONLY)

    assert (done.returncode, "gates.db may only be read. chmod u+w gates.db" in done.stderr) == (77, True), done.stderr


def test_without_the_extra_it_says_how_to_get_it(cli: Cli) -> None:
    cli.config(FILE.replace("COMMAND", "true"))
    done = cli("serve", prelude="import sys; sys.modules['starlette'] = None")

    assert done.returncode == 2
    assert "pip install 'holdoff[server]'" in done.stderr


def test_other_verbs_import_no_framework(cli: Cli) -> None:
    cli.config(FILE.replace("COMMAND", "true"))
    for argv in (("token", "list"), ("dead-letters", "list"), ("status",)):
        assert {"starlette", "uvicorn", "prometheus_client"} & imported(cli, *argv) == set()


# --- tokens and dead letters -----------------------------------------------------------------------------------------


def test_tokens_by_the_command_line(cli: Cli) -> None:
    made = cli("token", "new", "laptop", "--scope", "look", "--scope", "operate,trigger")
    again = cli("token", "new", "laptop", "--scope", "look")
    listed = cli.json("token", "list", "--json")["tokens"]
    lines = cli("token", "list").stdout.splitlines()
    gone = cli("token", "revoke", "laptop")

    assert made.stdout.startswith("holdoff_")
    assert "the token is shown only now" in made.stderr
    assert (again.returncode, "already" in again.stderr) == (2, True)
    assert [(one["name"], one["scopes"]) for one in listed] == [("laptop", ["look", "trigger", "operate"])]
    assert lines[0].startswith("laptop  look,trigger,operate  20")
    assert (gone.returncode, cli("token", "list").stdout) == (0, "")
    assert cli("token", "list").stderr == f"holdoff: no tokens in {cli.store.path}.tokens\n", "where it looked"
    assert cli("token", "revoke", "laptop").returncode == 2
    assert cli.json("token", "new", "ci", "--scope", "look", "--json").keys() == {"name", "token"}
    assert cli.json("token", "revoke", "ci", "--json") == {"name": "ci", "revoked": True}


#: What ``dead-letters`` takes.
FORMS = "write `dead-letters list`, `show ID`, `retry ID` or `retry --all`\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("token new", "`token new` takes a NAME\n"),
        ("token list x", "`token list` takes no NAME\n"),
        ("token list --scope look", "--scope is for `token new` only\n"),
        ("token new x", "--scope is missing: one or more of look, trigger, operate\n"),
        ("token new x --scope all", "--scope is 'all'; write one or more of look, trigger, operate\n"),
        ("token new '' --scope look", "NAME is ''; write text of 1 to 80 characters\n"),
        (f"token new {'x' * 81} --scope look", "NAME is text (not shown: it may be a secret); write "),
        ("token revoke", "`token revoke` takes a NAME\n"),
        ("token revoke x", "there is no token 'x' in "),
        ("token revoke x --scope look", "--scope is for `token new` only\n"),
        ("dead-letters show ../x", "that is no id of a dead letter"),
        ("dead-letters retry x", "x: that is no id of a dead letter"),
        *((f"dead-letters {line}", FORMS) for line in ("show", "retry", "list x", "list --all", "show --all")),
        ("dead-letters retry x --all", FORMS),
    ],
)
def test_wrong_usage_is_told(cli: Cli, line: str, told: str) -> None:
    done = cli(*shlex.split(line))

    assert done.returncode == 2
    assert done.stderr.startswith(f"holdoff: {told}")


def test_dead_letters_by_the_command_line(cli: Cli) -> None:
    """Kept by the server, and tried again here once the file is mended: the build is waited for."""
    server = Server(cli)
    headers = {"content-type": "application/json"}
    for place in range(2):
        body = json.dumps({"project": "docs", "source_version": f"v{place}"}).encode()
        assert server.ask("POST", "/hooks/x/in-the-url-7f3a", body, headers)[0] == 422
    server.end()
    ids = [one["id"] for one in cli.json("dead-letters", "list", "--json")["dead_letters"]]
    listed = cli("dead-letters", "list").stdout
    failed = cli("dead-letters", "retry", ids[0])
    in_json = cli("dead-letters", "retry", ids[0], "--json")
    cli.config(FILE.replace("COMMAND", "sleep 0.1; echo $HOLDOFF_SOURCE_VERSION >> ran").replace(".site]", ".docs]"))
    # A file of the same name keeps its letters.
    shown = cli.json("dead-letters", "show", ids[0])
    done = cli("dead-letters", "retry", "--all")

    assert [line.split()[0] for line in listed.splitlines()] == ids
    assert "'docs' is not one of those configured: site" in listed
    assert failed.returncode == 65
    assert (in_json.returncode, in_json.stderr) == (65, "")
    (again,) = json.loads(in_json.stdout)["retried"]
    assert (again["id"], again["message"]) == (ids[0], None)
    assert "'docs' is not one of those configured" in again["error"]
    assert json.loads(shown["request"]["body"])["source_version"] == "v0"
    assert (done.returncode, cli.lines()) == (0, ["v0"])
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["docs started", "docs deferred"]
    for argv in (("list",), ("retry", "--all")):
        empty = cli("dead-letters", *argv)
        assert (empty.stdout, empty.stderr) == ("", f"holdoff: no dead letters in {cli.store.path}.letters\n")


def test_a_retried_build_that_fails_is_told_by_the_exit_status(cli: Cli) -> None:
    """As it is by `trigger` and `wake`. The letter was carried out, so it is gone."""
    server, headers = Server(cli), {"content-type": "application/json"}
    assert server.ask("POST", "/hooks/x/in-the-url-7f3a", b'{"project": "docs"}', headers)[0] == 422
    server.end()
    cli.config(FILE.replace("COMMAND", "exit 3").replace(".site]", ".docs]"))

    done = cli("dead-letters", "retry", "--all")

    assert done.returncode == 3
    assert done.stdout.startswith("docs started: build ")
    assert done.stderr.startswith("holdoff: docs: build ")
    assert done.stderr.endswith(" failed: exit status 3\n")
    assert cli("dead-letters", "list").stdout == ""


def test_each_line_of_the_log_is_json_whatever_a_text_holds(cli: Cli) -> None:
    server, title = Server(cli, "true"), "a\u00a0ti\u00adtle\u202f\U000e0001"
    server.api("trigger", project="site", reason=title)
    server.api("hold", project="site", why="x", by=title)
    _, lines, _ = server.end()

    kept = " ".join(title.split())
    assert [line["reason"] for line in lines if "reason" in line] == [kept]
    assert [line["by"] for line in lines if line["event"] == "hold"] == [f"{kept} (t0)"]


def test_what_else_is_on_the_machine_is_not_taken(cli: Cli) -> None:
    """uvicorn takes httptools where that is there, and that takes headers without end; this one takes none at all. And
    it takes a variable of others for a number."""
    (cli.folder / "httptools.py").write_text("")
    cli.environment |= {"PYTHONPATH": str(cli.folder), "WEB_CONCURRENCY": "auto"}

    assert Server(cli, "true").is_there()


def test_a_person_reads_sentences(cli: Cli) -> None:
    """In a terminal the log is not JSON, and says as much."""
    cli.config(FILE.replace("COMMAND", "exit 3"))
    cli.environment |= {"GITHUB": SECRET, "URL_SECRET": "in-the-url-7f3a"}
    terminal = Terminal(cli, "serve", "--listen", "127.0.0.1:0", columns=200)
    terminal.wait_for("makes a token")
    found = re.search(r"127\.0\.0\.1:(\d+)", terminal.seen)
    assert found
    connection = HTTPConnection("127.0.0.1", int(found[1]), timeout=PATIENCE)
    connection.request("POST", "/hooks/site", *signed_push("d1", SECRET))
    connection.getresponse().read()
    connection.request("POST", "/hooks/site", "{}")
    connection.getresponse().read()
    connection.close()
    terminal.wait_for("site started: build")
    terminal.wait_for("failed (exit status 3)")
    terminal.wait_for("was not signed in any way that counts. Give the sender the secret")  # and what to do
    terminal.type(b"\x03")

    assert terminal.end() in (0, 130)
