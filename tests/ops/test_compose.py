"""docker-compose.yml, the settings and docs/running.md speak of the same variables."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# Read by the supervisor and the image, not by the settings.
BESIDE_SETTINGS = {"PORT"}
OF_THE_FILE_ITSELF = {"POSTGRES_PASSWORD", "MAIL_PORT"}


def read_by_settings() -> set[str]:
    """The first argument of every call of environment.<something> in settings.py."""
    tree = ast.parse((ROOT / "infusion_home" / "settings.py").read_text())
    return {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "environment"
    }


def compose() -> dict:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_the_documented_variables_are_those_the_settings_read():
    documented = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "running.md").read_text(), re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == read_by_settings() | BESIDE_SETTINGS


def test_compose_runs_every_part_and_waits_for_the_migration():
    services = compose()["services"]
    assert set(services) == {"migrate", "web", "worker", "beat", "db", "redis", "mail"}
    for name in ("web", "worker", "beat"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert {name for name, service in services.items() if "disable" in service.get("healthcheck", {})} == {
        "migrate",
        "beat",
    }
    assert all("healthcheck" in service for service in services.values())


def test_compose_sets_only_what_the_settings_read_and_gives_production_all_it_needs():
    environment = compose()["services"]["web"]["environment"]
    assert set(environment) <= read_by_settings()
    assert {"SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"} <= set(environment)


def test_compose_keeps_no_secret_and_asks_for_known_variables():
    text = (ROOT / "docker-compose.yml").read_text()
    asked = set(re.findall(r"\$\{([A-Z_]+)", text))
    assert asked <= read_by_settings() | BESIDE_SETTINGS | OF_THE_FILE_ITSELF
    for secret in ("SECRET_KEY", "POSTGRES_PASSWORD"):
        assert all(use.startswith(":?") for use in re.findall(rf"\$\{{{secret}([^}}]*)\}}", text))


def test_the_image_leaves_no_secret_behind_and_runs_without_root():
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER infusion$", text, re.MULTILINE)
    assert not re.search(r"^(ENV|ARG) .*(SECRET|PASSWORD|DATABASE_URL)", text, re.MULTILINE)
    assert ".env" in (ROOT / ".dockerignore").read_text().splitlines()
