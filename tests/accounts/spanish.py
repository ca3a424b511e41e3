"""What must be there in Spanish, found by reading the templates and modules patients meet."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
CATALOGUE = ROOT / "locale" / "es" / "LC_MESSAGES" / "django.po"

PAGES = ("*.html", "accounts/*.html", "errors/*.html", "scheduling/my/*.html", "scheduling/answers/*.html")
TAGS = ("banner", "card", "dialog", "hero", "menu", "more")  # templates a tag of ours includes
FOR_STAFF = {"base_staff.html", "base_nurse.html"}
MODULES = (
    "accounts/forms.py",
    "accounts/lockout.py",
    "accounts/models.py",
    "accounts/views.py",
    "scheduling/forms/answers.py",
    "scheduling/models/notice.py",
    "scheduling/readings/answers.py",
    "scheduling/readings/my.py",
    "scheduling/readings/my_notices.py",
    "scheduling/readings/people.py",
    "scheduling/readings/refusals.py",
    "scheduling/readings/screen_words.py",
    "scheduling/views/my.py",
    "scheduling/views/my_notices.py",
)
FROM_ELSEWHERE = {"am", "pm", "%(minutes)d min", "%(hours)d h", "%(hours)d h %(minutes)02d"}

_PART = re.compile(r"""{%\s*(?:include|extends)\s+"([^"]+)\"""")


def messages() -> set[str]:
    """Every message (of a plural its singular) that a patient may be shown."""
    found = set(FROM_ELSEWHERE)
    for file in templates():
        found.update(_of_template(file))
    for name in MODULES:
        found.update(_of_module(ROOT / name))
    return found


def templates() -> set[Path]:
    """The templates of the pages patients meet, with every part they include."""
    found: set[Path] = set()
    waiting = [file for pattern in PAGES for file in (ROOT / "templates").glob(pattern)]
    waiting += [ROOT / "templates" / "ui" / f"{name}.html" for name in TAGS]
    while waiting:
        file = waiting.pop()
        if file not in found and file.name not in FOR_STAFF:
            found.add(file)
            waiting += [ROOT / "templates" / name for name in _PART.findall(file.read_text(encoding="utf-8"))]
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


def _of_module(file: Path) -> Iterator[str]:
    names = {"_", "gettext", "gettext_lazy", "ngettext"}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


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
