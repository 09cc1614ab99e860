"""What else lies in ``deploy/server``: the image's steps, the compose file, and what Prometheus takes.

Nothing is built here. The linter reads the Containerfile, and its steps are run one by one, with paths of a temporary
folder in place of the image's; the server of the compose file is run by its own settings, on a PostgreSQL.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import pytest
import yaml

from tests.cli.conftest import PATIENCE
from tests.engines import postgres
from tests.engines.cache import EngineUnavailable
from tests.engines.deploying import compose_schema, hadolint, promtool
from tests.engines.process import free_port, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.engines.postgres import Cluster
    from tests.server.conftest import Served

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy/server"
pytestmark = pytest.mark.slow


def brought(find: Callable[[], Path]) -> Path:
    """A program or file of the engines'; where it cannot be had, a skip."""
    try:
        return find()
    except EngineUnavailable as reason:
        pytest.skip(str(reason))


def answers(url: str, token: str = "", **body: object) -> Any:
    """What is answered there."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        text = answer.read().decode()
    return json.loads(text) if text[:1] in "{[" else text


@contextmanager
def serving(argv: list[str], url: str, **how: Any) -> Iterator[None]:
    """The server while the block runs, once it is alive; it is to end well."""
    with start(argv, stderr=subprocess.PIPE, text=True, **how) as process:
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            assert process.stderr
            said = process.stderr.readline()
            assert "serving" in said, said + process.stderr.read()
            assert answers(f"{url}/healthz") == "ok\n"
            yield
            process.terminate()
            assert process.wait() == 0
        finally:
            watchdog.cancel()
            process.kill()


# --- the image -------------------------------------------------------------------------------------------------------


def steps() -> list[tuple[str, str]]:
    """The Containerfile's instructions, in order."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Containerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines) if word]


def of(word: str) -> list[str]:
    """The instructions of one kind."""
    return [rest for named, rest in steps() if named == word]


def test_the_linter_finds_nothing() -> None:
    done = subprocess.run(
        [brought(hadolint), "--no-color", DEPLOY / "Containerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_small_and_pinned_and_not_root_s() -> None:
    assert all(re.search(r":\d+\.\d+-slim", base) for base in of("FROM"))
    assert [one for one in of("FROM") if " AS " in one] == of("FROM")[:-1], "what builds is not in the image"
    assert of("USER") == ["10001:10001"]
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
    copied = {name for one in of("COPY") if "--from" not in one for name in one.split()[:-1]}
    assert {line[1:] for line in ignored if line[:1] == "!"} == copied


class Image:
    """A folder in place of the image's root; the image's own Python is a virtual environment."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.at = folder, folder
        subprocess.run([sys.executable, "-m", "venv", folder / "base"], check=True)
        self.environment = {"PATH": f"{folder}/base/bin:/usr/bin:/bin", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        self.environment |= {name: one for name, one in os.environ.items() if name.startswith(("PIP_", "HTTPS_PROXY"))}

    def here(self, text: str) -> str:
        """With the paths of this folder."""
        return re.sub(r"(?<![\w.])(/(?:opt|var/lib|etc)/holdoff|/src)\b", rf"{self.folder}\1", text)

    def carry_out(self, word: str, rest: str) -> None:
        """One instruction."""
        if word == "WORKDIR":
            self.at = Path(self.here(rest))
            self.at.mkdir(parents=True, exist_ok=True)
        elif word == "COPY" and "--from" not in rest:
            *names, _ = rest.split()
            for name in names:
                copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
                copy(ROOT / name, self.at / name)
        elif word == "RUN":
            script = self.here(rest)
            script = script if os.geteuid() == 0 else re.sub(r" -[og] 10001", "", script)
            done = subprocess.run(
                ["sh", "-ec", script], cwd=self.at, env=self.environment, capture_output=True, text=True, check=False
            )
            if "No matching distribution" in done.stderr or "Could not find a version" in done.stderr:
                pytest.skip("no package index can be reached")
            assert done.returncode == 0, done.stderr
        elif word == "ENV":
            for one in shlex.split(self.here(rest)):
                name, _, value = one.partition("=")
                self.environment[name] = value.replace("$PATH", self.environment["PATH"])


@pytest.fixture
def port() -> Iterator[int]:
    """One that no other process takes meanwhile."""
    with free_port() as found:
        yield found


def test_the_steps_make_an_image_that_serves(tmp_path: Path, port: int) -> None:
    image = Image(tmp_path)
    for word, rest in steps():
        image.carry_out(word, rest)
    config = Path(image.environment["HOLDOFF_CONFIG"])
    config.parent.mkdir(parents=True)
    config.write_text('[projects.site]\ncooldown = "1h"\nstarter = { command = ["true"] }\n')
    (entry,), (command,) = of("ENTRYPOINT"), of("CMD")
    (probe,) = (json.loads(one.partition("CMD ")[2]) for one in of("HEALTHCHECK"))
    how: dict[str, Any] = {"cwd": image.at, "env": image.environment}
    program = str(tmp_path / "opt/holdoff/bin/holdoff")
    assert json.loads(entry) == ["holdoff"]
    new = [program, "token", "new", "me", "--scope", "look,trigger,operate"]
    token = subprocess.run(new, capture_output=True, text=True, check=True, **how).stdout.strip()
    argv = [program, *(one.replace("4653", str(port)) for one in json.loads(command))]
    with serving(argv, f"http://127.0.0.1:{port}", stdout=subprocess.DEVNULL, **how):
        probe = [one.replace("4653", str(port)) for one in probe]
        probe[0] = str(tmp_path / "opt/holdoff/bin" / probe[0])
        assert subprocess.run(probe, check=False, **how).returncode == 0
        assert answers(f"http://127.0.0.1:{port}/api/v1/trigger", token, project="site")["outcome"] == "started"
    assert subprocess.run(probe, check=False, capture_output=True, **how).returncode != 0, "a server that is gone"

    kept = {path.suffix or path.name for path in (tmp_path / "var/lib/holdoff").rglob("*") if path.is_file()}
    assert ".tokens" in kept
    for python in (tmp_path / "base/bin/python", tmp_path / "opt/holdoff/bin/python"):
        said = subprocess.run([python, "-c", "import pip"], capture_output=True, text=True, check=False).stderr
        assert "No module named 'pip'" in said


# --- compose ---------------------------------------------------------------------------------------------------------


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def test_the_compose_file_is_one() -> None:
    schema = json.loads(brought(compose_schema).read_text())
    jsonschema_rs.validate(schema, compose())
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema, compose() | {"servises": {}})


def test_the_compose_file_is_as_careful_as_the_unit() -> None:
    holdoff, postgres = (compose()["services"][name] for name in ("holdoff", "postgres"))
    named = {one.partition(":")[0] for service in (holdoff, postgres) for one in service["volumes"]}

    assert (DEPLOY / holdoff["build"]["context"]).resolve() == ROOT
    assert (ROOT / holdoff["build"]["dockerfile"]).is_file()
    assert {one for one in named if not one.startswith(".")} == compose()["volumes"].keys()
    mounted = [one.split(":")[1] for one in holdoff["volumes"] if one.startswith(".")]
    folder = re.search(r"HOLDOFF_CONFIG=(\S+)/holdoff.toml", (DEPLOY / "Containerfile").read_text())
    assert folder, "and it is mounted whole: an editor puts a new file in the place of one"
    assert mounted == [folder[1]]
    assert [one for one in holdoff["ports"] if not one.startswith("127.0.0.1:")] == []
    assert (holdoff["read_only"], holdoff["cap_drop"]) == (True, ["ALL"])
    assert "ports" not in postgres
    assert re.search(r":\d+-", postgres["image"])
    assert all(":?" in one for one in re.findall(r"\$\{.*?\}", (DEPLOY / "compose.yaml").read_text()))
    assert f"TimeoutStopSec={holdoff['stop_grace_period'].rstrip('s')}\n" in (DEPLOY / "holdoff.service").read_text()


@pytest.mark.postgres
def test_its_server_keeps_its_gates_in_postgresql(postgres_server: Cluster, tmp_path: Path, port: int) -> None:
    """By the settings of the compose file, as Compose fills them in."""
    services = compose()["services"]
    database, asked = services["postgres"]["environment"], services["holdoff"]["environment"]
    assert asked["PGPASSWORD"] == database["POSTGRES_PASSWORD"]
    there = f"postgresql://{database['POSTGRES_USER']}@postgres/{database['POSTGRES_DB']}"
    assert asked["HOLDOFF_STORE"] == there
    here = f"postgresql://{postgres.USER}@127.0.0.1:{postgres_server.port}/{postgres.DATABASE}?schema=composed"
    (tmp_path / "holdoff.toml").write_text('[projects.site]\ncooldown = "1h"\nstarter = { command = ["true"] }\n')
    plain = {name: one for name, one in os.environ.items() if not name.startswith(("PG", "HOLDOFF_"))}
    own = {"XDG_STATE_HOME": str(tmp_path / "state"), "PGPASSWORD": postgres.PASSWORD, "HOLDOFF_STORE": here}
    how: dict[str, Any] = {"cwd": tmp_path, "env": plain | own}
    program = [sys.executable, "-m", "holdoff"]
    new = [*program, "token", "new", "me", "--scope", "look,trigger"]
    token = subprocess.run(new, capture_output=True, text=True, check=True, **how).stdout.strip()
    url = f"http://127.0.0.1:{port}"
    try:
        with serving([*program, "serve", "--listen", url[7:]], url, stdout=subprocess.DEVNULL, **how):
            told = [answers(f"{url}/api/v1/trigger", token, project="site", event_id=f"d{n}") for n in range(2)]
            assert answers(f"{url}/readyz") == "ok\n"
        assert [one["outcome"] for one in told] == ["started", "deferred"]
        assert postgres_server.psql("SELECT count(*) FROM composed.gates") == "1"
    finally:
        postgres_server.psql("DROP SCHEMA IF EXISTS composed CASCADE")


# --- Prometheus ------------------------------------------------------------------------------------------------------


def checked(*argv: object, stdin: str = "") -> str:
    """What promtool says; it is to be content."""
    done = subprocess.run(
        [brought(promtool), *map(str, argv)], input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_takes_the_rules() -> None:
    assert "SUCCESS: 7 rules found" in checked("check", "rules", DEPLOY / "alerts.yaml")


def test_promtool_takes_the_dashboard_s_queries(tmp_path: Path) -> None:
    panels = json.loads((DEPLOY / "grafana.json").read_text())["panels"]
    queries = [re.sub(r"\$__\w+", "5m", target["expr"]) for one in panels for target in one.get("targets", ())]
    rules = [{"record": f"query:{place}", "expr": query} for place, query in enumerate(queries)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))

    assert len(queries) > 5
    assert f"SUCCESS: {len(queries)} rules found" in checked("check", "rules", file)


def test_promtool_takes_the_metrics(served: Served) -> None:
    served.push("d1")
    served.push("d2", version="9c01d3e")
    served.push("d3", path="/hooks/nowhere")
    text = served.client.get("/metrics", headers={"authorization": f"Bearer {served.token}"}).text

    assert "holdoff_decisions_total{" in text
    assert checked("check", "metrics", stdin=text) == ""


#: What a server shows, a minute apart: which alert it brings, when, and for whom.
ALERTS: Final[dict[str, tuple[dict[str, str], str, dict[str, str]]]] = {
    "HoldoffNotLooking": ({'holdoff_last_look_timestamp_seconds{instance="a"}': "0x9"}, "6m", {"instance": "a"}),
    "HoldoffStoreAway": ({'holdoff_store_up{instance="a"}': "1 0x9"}, "7m", {"instance": "a"}),
    "HoldoffOverdue": (
        {f'holdoff_due_lag_seconds{{project="site",instance="{one}"}}': "0+100x9" for one in "ab"},
        "6m",
        {"project": "site"},
    ),
    "HoldoffStale": ({'holdoff_pending_age_seconds{project="site"}': "3590+20x3"}, "2m", {"project": "site"}),
    "HoldoffStartsFail": (
        {'holdoff_decisions_total{project="site",outcome="failed",why="start_refused"}': "0+1x20"},
        "10m",
        {"project": "site"},
    ),
    "HoldoffDeadLetters": (
        {
            'holdoff_errors_total{instance="a",kind="http"}': "0 1x9",
            'holdoff_dead_letters{instance="a"}': "0 1x9",
        },
        "5m",
        {"instance": "a", "kind": "http"},
    ),
    "HoldoffUnsigned": ({'holdoff_unsigned_total{instance="a"}': "0+120x30"}, "25m", {"instance": "a"}),
}


@pytest.mark.parametrize("name", list(ALERTS))
def test_each_alert_comes_when_it_should_and_not_before(tmp_path: Path, name: str) -> None:
    series, at, labels = ALERTS[name]
    (rule,) = (one for one in rules() if one["alert"] == name)
    brought_by = {"exp_labels": labels | rule["labels"]}
    file = tmp_path / "test.yaml"
    alerts = [
        {"eval_time": "0m", "alertname": name, "exp_alerts": []},
        {"eval_time": at, "alertname": name, "exp_alerts": [brought_by | {"exp_annotations": said(rule, labels)}]},
    ]
    test = {
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "alert_rule_test": alerts,
    }
    file.write_text(yaml.safe_dump({"rule_files": [str(DEPLOY / "alerts.yaml")], "tests": [test]}))

    assert "SUCCESS" in checked("test", "rules", file)


def rules() -> list[dict[str, Any]]:
    """The alerts."""
    found = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
    return [rule for group in found["groups"] for rule in group["rules"]]


def said(rule: dict[str, Any], labels: dict[str, str]) -> dict[str, str]:
    """A rule's words for these labels."""

    def filled(text: str) -> str:
        return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels[found[1]], text)

    return {name: filled(text) for name, text in rule["annotations"].items()}
