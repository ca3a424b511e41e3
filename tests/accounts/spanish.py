"""What must be there in Spanish, found by reading the templates and modules patients meet."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
WORDINGS = ROOT / "scheduling" / "wordings"
CALLS = ROOT / "scheduling" / "call_scripts.toml"
CATALOGUE = ROOT / "locale" / "es" / "LC_MESSAGES" / "django.po"

PAGES = ("*.html", "accounts/*.html", "errors/*.html", "scheduling/my/*.html", "scheduling/answers/*.html")
TAGS = ("banner", "card", "dialog", "hero", "menu", "more")  # templates a tag of ours includes
FOR_STAFF = {"base_staff.html", "base_nurse.html"}  # and what is built on them
# Modules whose sentences patients read or hear; after a colon the one class or name of it that they do.
MODULES = (
    *("accounts/forms.py", "accounts/lockout.py", "accounts/models.py", "accounts/views.py"),
    *(
        "scheduling/*/my*.py",
        "scheduling/*/answer*.py",
        "scheduling/*/link*.py",
        "scheduling/services/inbound*.py",
    ),
    *(
        "scheduling/services/voice.py",
        "scheduling/readings/refusals.py",
        "scheduling/readings/screen_words.py",
    ),
    *("scheduling/models/notice.py:Kind", "scheduling/readings/people.py:NAMES"),
)
NOT_READ = {"scheduling/models/answer.py"}  # its words are for the office
FROM_ELSEWHERE = {"am", "pm", "%(minutes)d min", "%(hours)d h", "%(hours)d h %(minutes)02d"}

_PART = re.compile(r"""{%\s*(?:include|extends)\s+"([^"]+)\"""")


def messages() -> set[str]:
    """Every message (of a plural its singular) that a patient may be shown."""
    found = set(FROM_ELSEWHERE)
    for file in templates():
        found.update(_of_template(file))
    for file, part in modules():
        found.update(_of_module(file, part))
    return found


def modules() -> Iterator[tuple[Path, str]]:
    """The modules patients read from, with the name of the one part that they do, or ""."""
    for name in MODULES:
        pattern, _colon, part = name.partition(":")
        files = [file for file in ROOT.glob(pattern) if str(file.relative_to(ROOT)) not in NOT_READ]
        assert files, f"nothing is called {pattern}"
        yield from ((file, part) for file in sorted(files))


def templates() -> set[Path]:
    """The templates of the pages patients meet, with every part they include."""
    found: set[Path] = set()
    waiting = [file for pattern in PAGES for file in (ROOT / "templates").glob(pattern)]
    waiting += [ROOT / "templates" / "ui" / f"{name}.html" for name in TAGS]
    while waiting:
        file = waiting.pop()
        parts = _PART.findall(file.read_text(encoding="utf-8"))
        if file not in found and FOR_STAFF.isdisjoint({file.name, *parts}):
            found.add(file)
            waiting += [ROOT / "templates" / name for name in parts]
    return found


def _of_template(file: Path) -> Iterator[str]:
    source = templatize(file.read_text(encoding="utf-8"), origin=str(file))
    # What templatize leaves besides calls is X-ed out text; each call is Python.
    for call in re.finditer(
        r"\bn?gettext\((u?(?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|'''[\s\S]*?'''))", source
    ):
        yield ast.literal_eval(call.group(1))
    for call in re.finditer(r"\b_\(((?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"))\)", source):
        yield ast.literal_eval(call.group(1))


def _of_module(file: Path, part: str = "") -> Iterator[str]:
    names = {"_", "gettext", "gettext_lazy", "ngettext"}
    tree: ast.AST = ast.parse(file.read_text(encoding="utf-8"))
    if part:
        tree = next(node for node in ast.walk(tree) if part in _named(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def _named(node: ast.AST) -> list[str]:
    """The names a class or an assignment gives."""
    if isinstance(node, ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def entries(file: Path = CATALOGUE) -> dict[str, list[str]]:
    """msgid -> its translations (one, or one a plural form), as the .po file has them."""
    found: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    key = ""

    def close() -> None:
        if "msgid" in texts:
            found[texts["msgid"]] = [
                text for name, text in sorted(texts.items()) if name.startswith("msgstr")
            ]
        texts.clear()

    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.strip():
            close()
        elif line.startswith('"'):
            texts[key] += ast.literal_eval(line)
        elif line.startswith("msg"):
            key, _space, text = line.partition(" ")
            texts[key] = ast.literal_eval(text)
    close()
    return found


# --- What is sent and said: files of their own, not the catalogue -----------------------------------

OF_THE_STAFF = {"unconfirmed", "paper_expiry", "alarm"}
_PLACE = re.compile(r"\{\w*\}")
_WORD = re.compile(r"[^\W\d_]+")


def words_in(sentences: Mapping[str, Iterable[str]]) -> set[str]:
    """The words of all sentences in small letters; places to be filled in are none."""
    said = (_PLACE.sub(" ", one) for some in sentences.values() for one in some)
    return {word.lower() for sentence in said for word in _WORD.findall(sentence)}


def message_words(language: str) -> dict[str, list[str]]:
    """kind and channel -> what a patient is sent."""
    kinds = tomllib.loads((WORDINGS / f"{language}.toml").read_text(encoding="utf-8"))
    return {
        f"{kind} {channel}": list(texts.values())
        for kind, channels in kinds.items()
        if kind not in OF_THE_STAFF
        for channel, texts in channels.items()
    }


def call_words(language: str) -> dict[str, list[str]]:
    """Where it stands -> what a caller or the automatic call says."""
    found: dict[str, list[str]] = {}

    def walk(node: Mapping[str, object], way: str) -> None:
        if language in node:
            said = node[language]
            found[way] = [said] if isinstance(said, str) else list(said)  # type: ignore[call-overload]
        for name, more in node.items():
            if isinstance(more, dict):
                walk(more, f"{way} {name}".strip())

    walk(tomllib.loads(CALLS.read_text(encoding="utf-8")), "")
    return found
