"""Who may import whom: the architecture as data. An edge that is not here fails."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# room -> rooms of ours it may import. A room is the longest matching prefix of a module's name.
MAY = {
    "scheduling.rules": set(),
    "scheduling.planning": {"scheduling.rules"},
    "scheduling.planning.plan_check": set(),  # it judges what the rest of planning makes
    "scheduling.regimens": {"scheduling.rules"},
    "scheduling.clock": set(),
    "scheduling.drawing": {"scheduling.drawing_map"},
    "scheduling.drawing_map": set(),
    "scheduling.drawing_plan": set(),
    "scheduling.call_scripts": set(),
    "scheduling.models": {"scheduling.rules", "patients", "nurses"},
    "scheduling.transports": {"infusion_home.environment"},
    "scheduling.osrm": set(),
    "scheduling.services": {
        "scheduling.models", "scheduling.rules", "scheduling.planning", "scheduling.regimens",
        "scheduling.osrm", "scheduling.transports", "scheduling.clock", "scheduling.call_scripts", "patients",
        "nurses", "accounts",
    },
    "scheduling.selectors": {
        "scheduling.models", "scheduling.rules", "scheduling.planning", "scheduling.clock", "patients",
        "nurses", "accounts",
    },
    "scheduling.readings": {
        "scheduling.selectors", "scheduling.services", "scheduling.models", "scheduling.rules",
        "scheduling.planning", "scheduling.regimens", "scheduling.clock", "scheduling.drawing",
        "scheduling.drawing_plan", "scheduling.call_scripts", "scheduling.transports", "patients", "nurses", "accounts",
    },
    "scheduling.tasks": {"scheduling.services", "scheduling.models", "scheduling.transports"},
    "scheduling.views": {
        "scheduling.selectors", "scheduling.services", "scheduling.readings", "scheduling.forms",
        "scheduling.models", "scheduling.rules", "scheduling.regimens", "scheduling.planning",
        "scheduling.clock", "scheduling.drawing", "patients", "nurses", "accounts",
    },
    "scheduling.forms": {
        "infusion_home.widgets", "scheduling.selectors", "scheduling.services", "scheduling.readings",
        "scheduling.models",
        "scheduling.rules", "scheduling.regimens", "scheduling.clock", "scheduling.call_scripts", "patients",
        "nurses", "accounts",
    },
    "scheduling.api": {
        "scheduling.selectors", "scheduling.services", "scheduling.readings", "scheduling.models",
        "scheduling.rules", "scheduling.regimens", "scheduling.clock", "patients", "nurses", "accounts",
    },
    "scheduling.admin": {"scheduling.models"},
    "scheduling.apps": {"scheduling.regimens", "scheduling.receivers"},
    "scheduling.receivers": {"scheduling.services", "accounts"},
    "scheduling.middleware": {"scheduling.services"},
    "scheduling.urls": {"scheduling.views"},
    "scheduling.styleguide": {"scheduling.drawing", "scheduling.selectors", "accounts", "infusion_home.widgets"},
    "scheduling.templatetags": {
        "scheduling.drawing", "scheduling.readings", "scheduling.selectors", "infusion_home.widgets",
    },
    "scheduling.management": {
        "scheduling.rules", "scheduling.regimens", "scheduling.planning", "scheduling.services", "scheduling.models",
        "scheduling.demo", "patients",
    },
    "scheduling.demo": {
        "scheduling.services", "scheduling.models", "scheduling.rules", "scheduling.regimens",
        "scheduling.planning", "scheduling.clock", "patients", "nurses", "accounts",
    },
    "patients": set(),
    "nurses": set(),
    "accounts": set(),
    "infusion_home": {
        "accounts.urls", "scheduling.urls", "scheduling.api.urls", "scheduling.rules.errors",
        "scheduling.styleguide", "scheduling.models", "scheduling.demo",
    },
}  # fmt: skip
PURE = ("scheduling.rules", "scheduling.planning", "scheduling.regimens")


def modules() -> list[tuple[str, Path]]:
    found = []
    for top in ("accounts", "patients", "nurses", "scheduling", "infusion_home"):
        for file in sorted((ROOT / top).rglob("*.py")):
            if "migrations" in file.parts:
                continue
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found.append((name, file))
    return found


def room_of(name: str) -> str:
    return max((room for room in MAY if name == room or name.startswith(room + ".")), key=len, default="")


def imported(file: Path, name: str) -> set[str]:
    """Names of modules a file imports, relative imports resolved, `from x import y` as both x and x.y."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} uses a relative import"
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize(
    ("name", "file"), modules(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_module_imports_only_what_its_room_may(name, file):
    room = room_of(name)
    if name == "scheduling":
        return
    assert room, f"{name} has no room in MAY"
    for target in imported(file, name):
        theirs = room_of(target)
        if not theirs or theirs == room or target.split(".")[0] == room:
            continue
        allowed = any(target == may or target.startswith(may + ".") for may in MAY[room])
        # `from scheduling import clock` names the package and the module; the package alone is empty.
        assert allowed or target == "scheduling", f"{name} imports {target}"


@pytest.mark.parametrize(
    ("name", "file"),
    [m for m in modules() if m[0].startswith(PURE)],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_rules_and_planning_know_no_framework_and_no_clock(name, file):
    unknown = {"django", "celery", "rest_framework", "time", "random"}
    if name == "scheduling.planning.routing.budget":  # counts the seconds a search was given; knows no hour
        unknown -= {"time"}
    for target in imported(file, name):
        assert target.split(".")[0] not in unknown, target
    source = file.read_text(encoding="utf-8")
    for call in (".today()", ".now(", "utcnow("):
        assert call not in source, f"{name} reads the clock"


def test_a_rule_that_reads_the_database_would_be_caught():
    assert room_of("scheduling.models.visit") not in MAY["scheduling.rules"]
    assert room_of("scheduling.rules.calendar") == "scheduling.rules"
