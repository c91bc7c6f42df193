"""What `docs/deploy.md` gives Prometheus: YAML that is sound, about metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from web.app import create_app
from worker import metrics
from worker.services import Services

PAGE = Path(__file__).resolve().parents[2] / "docs" / "deploy.md"
#: Words of PromQL, and names of labels, which are no metrics.
LANGUAGE = {"or", "unless", "and", "sum", "by", "increase", "rate"}


def blocks() -> list[Any]:
    return [
        yaml.safe_load(text)
        for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE.read_text("utf-8"))
    ]


def rules() -> list[dict[str, Any]]:
    (groups,) = (block["groups"] for block in blocks() if "groups" in block)
    return [rule for group in groups for rule in group["rules"]]


def job() -> str:
    (config,) = (block["scrape_configs"] for block in blocks() if "scrape_configs" in block)
    return str(config[0]["job_name"])


@pytest.fixture
def shown(services: Services) -> set[str]:
    """The names of all metrics that the server shows."""
    text = create_app(services).test_client().get("/metrics").text
    return set(re.findall(r"(?m)^# TYPE (\w+)", text))


def test_each_rule_has_a_name_of_its_own_and_an_expression() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules()) > 0
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
        for opening, closing in ("()", "{}", "[]"):
            assert rule["expr"].count(opening) == rule["expr"].count(closing)


def test_a_server_without_redis_and_syncs_that_fail_are_worth_an_alarm() -> None:
    expressions = [rule["expr"] for rule in rules()]
    assert "dcs_redis_up == 0" in expressions
    assert f'up{{job="{job()}"}} == 0' in expressions
    assert any('dcs_runs_total{outcome="error"}' in expression for expression in expressions)


def test_rules_ask_for_metrics_and_labels_that_there_are(shown: set[str]) -> None:
    known = {metric.name: metric for metric in metrics.ALL}
    for rule in rules():
        labels = set(re.findall(r"by \(([^)]*)\)", rule["expr"]))
        bare = re.sub(r"by \([^)]*\)|\{[^}]*\}|\[[^]]*\]", " ", rule["expr"])
        named = set(re.findall(r"[a-z_]{2,}", bare)) - LANGUAGE
        assert named <= shown | {"up"}, rule["alert"]
        for name, label, word in re.findall(r'(\w+)\{(\w+)="(\w+)"\}', rule["expr"]):
            if name != "up":
                assert label == known[name].labels[-1]
                assert word in known[name].words
        for group in labels:
            (name,) = named
            assert {one.strip() for one in group.split(",")} <= set(known[name].labels)
