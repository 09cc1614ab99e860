"""What Prometheus reads: names as its guide asks for them, and a dashboard and rules that ask for nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from holdoff.core.errors import StoreUnavailable
from holdoff.server.metrics import KINDS, READ_EVERY_MS

if TYPE_CHECKING:
    from tests.server.conftest import Served
    from tests.standins.hooks import HookStandin

DEPLOY = Path(__file__).parents[2] / "deploy/server"
RULES = DEPLOY / "alerts.yaml"


def families(served: Served, **headers: str) -> dict[str, Any]:
    answer = served.client.get("/metrics", headers={"authorization": f"Bearer {served.token}", **headers})
    assert answer.status_code == 200
    return {one.name: one for one in text_string_to_metric_families(answer.text)}


def value(served: Served, name: str, **labels: str) -> float | None:
    """A sample, as it is read."""
    for family in families(served).values():
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return None


def test_decisions_are_counted_by_what_became_of_them_and_why(served: Served) -> None:
    for place in range(3):
        served.push(f"d{place}", version=f"{place + 1:07}")
    served.push("d1", secret="wrong")
    served.push("d1", version="0000002")

    def decided(outcome: str, why: str) -> float | None:
        return value(served, "holdoff_decisions_total", project="site", outcome=outcome, why=why)

    assert decided("started", "ready") == 1
    assert decided("deferred", "cooling_down") == 2
    assert decided("skipped", "duplicate") == 1
    assert value(served, "holdoff_decision_duration_seconds_count") == 4
    assert value(served, "holdoff_unsigned_total") == 1


def test_gates_are_as_the_store_has_them(served: Served) -> None:
    served.push("d1")
    served.push("d2", version="9c01d3e")
    served.clock.advance("15m")
    of_site = {
        name: value(served, f"holdoff_{name}", project="site")
        for name in ("pending_triggers", "pending_age_seconds", "running_builds", "held_gates", "due_lag_seconds")
    }

    assert of_site == {
        "pending_triggers": 1,
        "pending_age_seconds": 900,
        "running_builds": 1,
        "held_gates": 0,
        "due_lag_seconds": 300,
    }
    assert value(served, "holdoff_pending_triggers", project="docs") == 0


def test_keys_are_summed_up_under_their_project(served: Served) -> None:
    for key in ("a", "b"):
        for _ in range(2):
            served.api("POST", "/trigger", {"project": "site", "key": key})

    assert value(served, "holdoff_pending_triggers", project="site") == 2
    assert value(served, "holdoff_running_builds", project="site") == 2


def test_the_triggers_of_a_start_that_may_exist_are_not_covered_yet(served: Served, hook: HookStandin) -> None:
    hook.fault("status", status=500)
    served.push("d1")
    served.clock.advance("1m")

    assert value(served, "holdoff_pending_triggers", project="site") == 1
    assert value(served, "holdoff_pending_age_seconds", project="site") == 60


@pytest.mark.parametrize(("took_s", "every_s"), [(0, READ_EVERY_MS // 1000), (14, 9 * 14)])
def test_the_store_is_read_now_and_then(
    served: Served, monkeypatch: pytest.MonkeyPatch, took_s: int, every_s: int
) -> None:
    """What takes longer to read than a scrape may is read seldom: else each scrape would read it, and find no end."""
    read, gates = [], served.site.store.gates

    def counted(*project: Any) -> Any:
        read.append(project)
        served.clock.sleep(took_s * 1000)
        return gates(*project)

    monkeypatch.setattr(served.site.store, "gates", counted)
    for _ in range(3):
        families(served)
    served.clock.advance(every_s - 1)
    families(served)
    assert len(read) == 1
    served.clock.advance(1)
    families(served)
    assert len(read) == 2


def test_the_first_error_is_a_rise_from_zero(served: Served) -> None:
    """Else no alarm has it: ``increase`` of a series that begins at one is nothing."""
    found = [sample for sample in families(served)["holdoff_errors"].samples if sample.name.endswith("_total")]
    assert {sample.labels["kind"]: sample.value for sample in found} == dict.fromkeys(KINDS, 0.0)

    served.push("d1", path="/hooks/nowhere")
    assert value(served, "holdoff_dead_letters") == value(served, "holdoff_errors_total", kind="http") == 1


def test_a_store_that_is_away_hides_no_counter(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> Any:
        raise StoreUnavailable("away")

    served.push("d1")
    monkeypatch.setattr(served.site.store, "gates", away)

    assert value(served, "holdoff_store_up") == 0
    assert value(served, "holdoff_decisions_total", project="site", outcome="started", why="ready") == 1


def test_it_needs_the_scope_to_look(served: Served) -> None:
    token = served.site.guard.tokens.new("ci", ["trigger"])

    assert served.client.get("/metrics").status_code == 401
    assert served.client.get("/metrics", headers={"authorization": f"Bearer {token}"}).status_code == 403


def test_names_are_as_the_guide_asks(served: Served) -> None:
    """https://prometheus.io/docs/practices/naming/"""
    served.push("d1")
    for name, family in families(served).items():
        assert re.fullmatch(r"holdoff_[a-z_]+", name)
        assert family.documentation.endswith(".")
        if family.type == "counter":
            assert all(one.name.endswith(("_total", "_created")) for one in family.samples)
        else:
            assert not name.endswith("_total")
        assert not re.search(r"_(ms|milliseconds|minutes|hours)(_|$)", name)


def test_openmetrics_is_to_be_had(served: Served) -> None:
    """Prometheus 3 takes no answer without its type: https://prometheus.io/docs/prometheus/latest/migration/."""
    headers = {"authorization": f"Bearer {served.token}"}
    plain = served.client.get("/metrics", headers=headers)
    openmetrics = served.client.get("/metrics", headers={**headers, "accept": "application/openmetrics-text"})

    assert openmetrics.text.endswith("# EOF\n")
    kinds = [answer.headers["content-type"].partition(";")[0] for answer in (plain, openmetrics)]
    assert kinds == ["text/plain", "application/openmetrics-text"]


# --- what asks for them ----------------------------------------------------------------------------------------------


def known(served: Served) -> set[str]:
    """Every series there may be."""
    served.push("d1")
    served.push("d2", path="/hooks/nowhere")
    return {sample.name for family in families(served).values() for sample in family.samples} | {"holdoff_errors_total"}


def expressions() -> list[str]:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return [*panels, *(rule["expr"] for rule in _rules())]


def _rules() -> list[dict[str, Any]]:
    import yaml

    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_the_dashboard_and_the_rules_ask_for_what_there_is(served: Served) -> None:
    names = {name for text in expressions() for name in re.findall(r"holdoff_\w+", text)}

    assert len(expressions()) > 10
    assert names - known(served) == set()


def test_every_rule_says_what_to_do() -> None:
    for rule in _rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "description"}


def test_every_series_is_in_the_document(served: Served) -> None:
    text = (Path(__file__).parents[2] / "docs/server.md").read_text()
    names = {re.sub("_(bucket|count|sum)$", "", name) for name in known(served) if not name.endswith("_created")}

    table = text.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    assert sorted(names) == sorted(set(re.findall(r"`(holdoff_\w+)`", table)))
