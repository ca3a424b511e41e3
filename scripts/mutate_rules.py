"""Breaks `scheduling/rules` in small ways, one at a time, and says which breaks no test of the rules notices.

The wrong changes are those of mutmut 3.8.1 (`pip install mutmut==3.8.1`; nothing else needs it). Every mutant is put
into a forked copy of a warm process, so no file is ever changed, and only tests that reach it are run, those of its
own file first. Functions with a decorator, constants and default values are tried as well.

    python scripts/mutate_rules.py mutants.jsonl [--children 2] [module ...]
"""

from __future__ import annotations

import argparse
import difflib
import gc
import json
import os
import resource
import signal
import sys
import types
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "scheduling" / "rules"
TESTS = ROOT / "tests" / "scheduling" / "rules"
LEFT_OUT = "test_properties.py"  # a mutant shall die by an example somebody can read
CPU_SECONDS = 12
MEMORY_BYTES = 3 * 1024**3
SURVIVED, KILLED, ENDLESS = 0, 1, 2

os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT))
os.chdir(ROOT)

import libcst as cst  # noqa: E402
import pytest  # noqa: E402
from _pytest.runner import runtestprotocol  # noqa: E402
from libcst.metadata import MetadataWrapper, PositionProvider  # noqa: E402
from mutmut import configuration  # noqa: E402

configuration._config = configuration.Config.__new__(configuration.Config)  # the operators need none of it
from mutmut.mutation import file_mutation  # noqa: E402
from mutmut.mutation.mutators import mutation_operators  # noqa: E402
from mutmut.mutation.pragma_handling import IgnoredCode  # noqa: E402


class Visitor(file_mutation.MutationVisitor):
    """mutmut's own, which also enters decorated functions, and leaves out what only tools read."""

    def __init__(self) -> None:
        super().__init__(mutation_operators, IgnoredCode(set(), set(), set()))
        self.at: list[int] = []

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef):
            return False
        if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Name):
            name = node.targets[0].target.value
            if name in ("__all__", "__slots__", "T"):
                return True
        if isinstance(node, cst.ImportFrom | cst.Import):
            return True
        return bool(super()._skip_node_and_children(node))

    def _create_mutations(self, node: cst.CSTNode) -> None:
        super()._create_mutations(node)
        line = self.get_metadata(PositionProvider, node).start.line
        self.at += [line] * (len(self.mutations) - len(self.at))


class Mutant:
    """One wrong change: where it is, and the module's source with it."""

    def __init__(
        self, module: str, number: int, tree: cst.Module, change: Any, function: str, line: int
    ) -> None:
        self.module, self.number, self.tree, self.change = module, number, tree, change
        self.function, self.line = function, line

    def source(self) -> str:
        changed = file_mutation.deep_replace(self.tree, self.change.original_node, self.change.mutated_node)
        assert isinstance(changed, cst.Module)
        return changed.code

    def account(self, status: str, **more: str) -> dict[str, Any]:
        found = {"module": self.module, "number": self.number, "function": self.function, "line": self.line}
        return {**found, "status": status, **more}


def mutants_of(file: Path) -> list[Mutant]:
    """Every mutant of one module, in the order of the text."""
    wrapper = MetadataWrapper(cst.parse_module(file.read_text()))
    visitor = Visitor()
    tree = wrapper.visit(visitor)
    named: dict[cst.CSTNode, str] = {}
    for statement in tree.body:
        if isinstance(statement, cst.FunctionDef):
            named[statement] = statement.name.value
        elif isinstance(statement, cst.ClassDef):
            for one in statement.body.body:
                if isinstance(one, cst.FunctionDef):
                    named[one] = f"{statement.name.value}.{one.name.value}"
    return [
        Mutant(file.stem, number, tree, change, named.get(change.contained_by_top_level_function, ""), line)
        for number, (change, line) in enumerate(zip(visitor.mutations, visitor.at, strict=True), 1)
    ]


def unchanged(module: str) -> Mutant:
    """Number 0: it must survive, or the way mutants are put in breaks something by itself."""
    tree = cst.parse_module((RULES / f"{module}.py").read_text())
    return Mutant(module, 0, tree, file_mutation.Mutation(tree, tree, None), "", 0)


def put_in(mutant: Mutant, source: str) -> None:
    """Make the running module behave as the mutated source does. Raises what importing it raises."""
    module = sys.modules[f"scheduling.rules.{mutant.module}"]
    mutated = types.ModuleType(module.__name__)
    mutated.__file__ = module.__file__
    sys.modules[module.__name__] = mutated  # dataclasses look their module up
    try:
        exec(compile(source, str(module.__file__), "exec"), mutated.__dict__)  # noqa: S102
    finally:
        sys.modules[module.__name__] = module
    for name, new in vars(mutated).items():
        old = vars(module).get(name)
        if isinstance(old, types.FunctionType | type) and old.__module__ == module.__name__:
            _change(old, new)
        elif not mutant.function and not name.startswith("__") and not isinstance(new, types.ModuleType):
            _change_constant(name, old, new)


def _change(old: Any, new: Any) -> None:
    """The same change to a function, or to everything a class holds."""
    if isinstance(old, types.FunctionType):
        if old.__code__ != new.__code__:
            old.__code__ = new.__code__
        old.__defaults__, old.__kwdefaults__ = new.__defaults__, new.__kwdefaults__
        return
    for name, part in vars(new).items():
        was = vars(old).get(name)
        if isinstance(was, types.FunctionType):
            _change(was, part)
        elif isinstance(was, property):
            _change(was.fget, part.fget)
        elif hasattr(was, "func"):
            _change(was.func, part.func)
        elif isinstance(was, classmethod | staticmethod):
            _change(was.__func__, part.__func__)
        elif isinstance(was, str | int | bool) and was != part and not name.startswith("__"):
            setattr(old, name, part)


def _change_constant(name: str, old: Any, new: Any) -> None:
    if repr(old) == repr(new):
        return
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(("scheduling.", "tests.")) and vars(module).get(name, new) is old:
            setattr(module, name, new)


class Run:
    """A pytest plugin: collects, sees which test reaches which function, then tries the mutants."""

    def __init__(self, wanted: list[str], out: Path, children: int) -> None:
        self.wanted, self.out, self.children = wanted, out, children
        self.reached: dict[tuple[str, str], set[int]] = defaultdict(set)
        self.running: dict[int, Mutant] = {}
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = session.items
        self._see_what_is_reached()
        gc.collect()
        gc.freeze()
        for module in self.wanted:
            for mutant in [unchanged(module), *mutants_of(RULES / f"{module}.py")]:
                while len(self.running) >= self.children:
                    self._wait()
                self._start(mutant)
            while self.running:
                self._wait()
            print(module, dict(self.counts[module]), flush=True)
        return True

    def _see_what_is_reached(self) -> None:
        here = str(RULES)
        now = 0

        def note(frame: types.FrameType, event: str, _: object) -> None:
            code = frame.f_code
            if event == "call" and code.co_filename.startswith(here):
                self.reached[Path(code.co_filename).stem, code.co_qualname.split(".<locals>")[0]].add(now)

        for now in range(len(self.items)):
            sys.setprofile(note)
            passed = self._passes(now, None)
            sys.setprofile(None)
            if not passed:
                sys.exit(f"{self.items[now].nodeid} fails without any mutant")

    def _passes(self, index: int, following: int | None) -> bool:
        after = None if following is None else self.items[following]
        return not any(r.failed for r in runtestprotocol(self.items[index], log=False, nextitem=after))

    def _tests_for(self, mutant: Mutant) -> list[int]:
        """Those that reach its function, its own file's first; all of them for a constant."""
        reached = self.reached.get((mutant.module, mutant.function)) or range(len(self.items))
        own = f"test_{mutant.module}.py"
        return sorted(reached, key=lambda index: (self.items[index].path.name != own, index))

    def _start(self, mutant: Mutant) -> None:
        process = os.fork()
        if process:
            self.running[process] = mutant
            return
        status = KILLED
        try:
            status = self._try(mutant)
        finally:
            os._exit(status)

    def _try(self, mutant: Mutant) -> int:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        source = mutant.source()
        change = _difference(mutant.tree.code, source)

        def give_up(_signal: int, _frame: object) -> None:
            self._write(mutant, "time limit", change=change)
            os._exit(ENDLESS)

        signal.signal(signal.SIGPROF, give_up)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        try:
            put_in(mutant, source)
        except Exception as error:
            self._write(mutant, "killed", change=change, by=f"import: {error!r}")
            return KILLED
        _forget(mutant)
        tests = self._tests_for(mutant)
        for index, following in zip(tests, [*tests[1:], None], strict=True):
            if not self._passes(index, following):
                self._write(mutant, "killed", change=change, by=self.items[index].nodeid)
                return KILLED
        if mutant.number:
            self._write(mutant, "survived", change=change)
        return SURVIVED

    def _write(self, mutant: Mutant, status: str, **more: str) -> None:
        with self.out.open("a") as file:
            file.write(json.dumps(mutant.account(status, **more), ensure_ascii=False) + "\n")

    def _wait(self) -> None:
        process, status = os.wait()
        mutant = self.running.pop(process)
        ended = os.waitstatus_to_exitcode(status)
        if mutant.number == 0:
            if ended != SURVIVED:
                sys.exit(f"{mutant.module} does not survive being put in unchanged")
            return
        self.counts[mutant.module][("survived", "killed", "time limit")[ended]] += 1


def _forget(mutant: Mutant) -> None:
    """What the facts remember was worked out without the mutant."""
    from scheduling.regimens import catalogue

    if mutant.module in ("regimen", "intervals", "durations") or not mutant.function:
        catalogue._house.cache_clear()
        return
    for regimen in catalogue.all_current().values():
        for name in ("max_dose_number", "needs_weight", "needs_height", "_numbered", "memo"):
            vars(regimen).pop(name, None)


def _difference(old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def modules() -> Iterator[str]:
    """Every module of the rules, the smallest first."""
    for file in sorted(RULES.glob("*.py"), key=lambda file: file.stat().st_size):
        if file.stat().st_size:
            yield file.stem


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("out", type=Path, help="one line of JSON a mutant")
    parser.add_argument("modules", nargs="*", help="all when none is named")
    parser.add_argument("--children", type=int, default=2)
    asked = parser.parse_args()
    run = Run(asked.modules or list(modules()), asked.out.resolve(), asked.children)
    arguments = [str(TESTS), f"--ignore={TESTS / LEFT_OUT}", "-p", "no:cacheprovider", "-W", "ignore"]
    sys.exit(pytest.main(arguments, plugins=[run]))


if __name__ == "__main__":
    main()
