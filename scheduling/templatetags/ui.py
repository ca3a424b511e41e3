"""Template tags of the visual language: `{% load ui %}`. The pictures are in scheduling.drawing.

Components without content of their own are includes, `{% include "ui/tag.html" with ... %}`; those that
wrap content are block tags, `{% card title=... %}...{% endcard %}`, each rendering its file in templates/ui/.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from django import template
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.forms import BoundField
from django.template import Context
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from heroicons.templatetags.heroicons import heroicon_mini

from scheduling import drawing

register = template.Library()

STATUS_ICONS = {
    "ok": "check",
    "wait": "question-mark-circle",
    "done": "check",
    "hold": "pause",
    "stop": "exclamation-triangle",
    "info": "information-circle",
}
LIVE_ICON = (
    '<svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="6" fill="currentColor"/></svg>'
)
FONT_SHEET = "fonts/fonts.css"
REASONS_OF_THE_DAY = ("RULE", "FLOOR_WINS", "OVERDUE", "HOLD", "ON_HOLD")


@register.simple_tag
def status_icon(status: str) -> SafeString:
    """The icon of ok, wait, live, done, hold, stop or info; hidden from readers, a word stands beside it."""
    return _icon(status)


@cache  # seven of them, and a board asks for a thousand
def _icon(status: str) -> SafeString:
    if status == "live":
        return mark_safe(LIVE_ICON)  # noqa: S308
    return mark_safe(heroicon_mini(STATUS_ICONS[status]))  # noqa: S308  (the package's own files)


@register.simple_tag
def font_stylesheet() -> str:
    """The link to the optional reading font, or nothing: a missing font must never break a page."""
    if not finders.find(FONT_SHEET):
        return ""
    try:
        return format_html('<link rel="stylesheet" href="{}">', staticfiles_storage.url(FONT_SHEET))
    except ValueError:  # there on disk, but not when static files were collected
        return ""


@register.filter
def phone(number: str) -> str:
    """ "+12145550142" as people say it: 214-555-0142. Anything else is left as it is."""
    digits = str(number).removeprefix("+1")
    return (
        f"{digits[:3]}-{digits[3:6]}-{digits[6:]}" if digits.isdigit() and len(digits) == 10 else str(number)
    )


@register.filter
def minutes(value: int | None) -> str:
    """Whole minutes as words: 45 min, 2 h, 4 h 30."""
    if value is None:
        return ""
    hours, rest = divmod(int(value), 60)
    if not hours:
        return _("%(minutes)d min") % {"minutes": rest}
    if not rest:
        return _("%(hours)d h") % {"hours": hours}
    return _("%(hours)d h %(minutes)02d") % {"hours": hours, "minutes": rest}


@register.filter
def part(field: BoundField, name: str) -> object:
    """What was typed into one part (day, month or year) of a date field, kept even when it is no date."""
    value = field.field.widget.format_value(field.value())
    return value.get(name) or ""


@register.simple_tag
def infusion_bar(prepare: int = 0, infusion: int = 0, observation: int = 0) -> SafeString:
    """The bar of a visit, from whole minutes."""
    return mark_safe(drawing.infusion_bar(prepare=prepare, infusion=infusion, observation=observation))  # noqa: S308


@register.filter
def of_the_day(reasons: Sequence[dict[str, str]]) -> Sequence[dict[str, str]]:
    """Of a dose's stored reasons those that made its day: shown first, the others folded away."""
    return [reason for reason in reasons if reason["code"] in REASONS_OF_THE_DAY]


@register.filter
def of_the_rest(reasons: Sequence[dict[str, str]]) -> Sequence[dict[str, str]]:
    """What `of_the_day` leaves: floor, window, amount and minutes."""
    return [reason for reason in reasons if reason["code"] not in REASONS_OF_THE_DAY]


@register.simple_tag
def load_bar(used: int, capacity: int) -> SafeString:
    """The bar of a day's load, from whole minutes."""
    return mark_safe(drawing.load_bar(used=used, capacity=capacity))  # noqa: S308


@register.simple_tag
def timeline_picture(marks: Sequence[drawing.Mark], today: date, label: str) -> SafeString:
    """The timeline in its scrolling box. `marks` are drawing.Mark, `today` the day in the patient's zone."""
    svg, today_at = drawing.timeline(
        marks, today, label=label, today_word=_("Today"), say_day=lambda day: date_format(day, _("M j"))
    )
    return format_html(
        '<div class="timeline-scroll" tabindex="0" role="group" aria-label="{}" data-today-at="{}">{}</div>',
        label,
        today_at,
        mark_safe(svg),  # noqa: S308  (escaped where it is drawn)
    )


@register.simple_tag
def route_picture(stops: Sequence[drawing.Stop], label: str) -> SafeString:
    """The sketch of a nurse's day. `stops` are drawing.Stop in order, home first if known."""
    return mark_safe(drawing.route(stops, label=label, minutes_word=_("min")))  # noqa: S308


@register.simple_tag
def route_map(
    stops: Sequence[drawing.Stop],
    label: str,
    back_minutes: int | None = None,
    line: Sequence[tuple[float, float]] = (),
    tiles: str = "",
) -> SafeString:
    """The same larger, with the way home, the road where it was told, and map tiles where asked for."""
    picture = drawing.route(
        stops, label=label, minutes_word=_("min"), width=480, height=340, back_minutes=back_minutes, line=line,
        tiles=tiles,
    )  # fmt: skip
    return mark_safe(picture)  # noqa: S308


def _wrap(context: Context, name: str, content: str, values: dict[str, Any]) -> str:
    file = context.template.engine.get_template(f"ui/{name}.html")  # type: ignore[union-attr]
    with context.push(content=content, **values):
        return file.render(context)


@register.simple_block_tag(takes_context=True)
def card(
    context: Context,
    content: str,
    title: str = "",
    id: str = "",
    link: str = "",
    link_url: str = "",
    kind: str = "",
) -> str:
    """A sheet of paper. `kind`: "" or "flush" (no padding, for tables); `link` is right of the title."""
    return _wrap(
        context, "card", content, {"title": title, "id": id, "link": link, "link_url": link_url, "kind": kind}
    )


@register.simple_block_tag(takes_context=True)
def hero(context: Context, content: str, title: str = "", figure: str = "", above: str = "") -> str:
    """The one dark panel of a page: what comes next. `above` is a small line, `figure` the big words."""
    return _wrap(context, "hero", content, {"title": title, "figure": figure, "above": above})


@register.simple_block_tag(takes_context=True)
def banner(context: Context, content: str, status: str = "info", title: str = "", live: bool = False) -> str:
    """A message across the page. `status` as in tags, or "info"; `live` announces it when it appears."""
    return _wrap(context, "banner", content, {"status": status, "title": title, "live": live})


@register.simple_block_tag(takes_context=True)
def dialog(context: Context, content: str, id: str, title: str, open: bool = False) -> str:
    """A dialog, opened by an element with data-dialog=id, or at once with `open`."""
    return _wrap(context, "dialog", content, {"id": id, "title": title, "open": open})


@register.simple_block_tag(takes_context=True)
def menu(
    context: Context, content: str, label: str, icon: str = "", side: str = "right", kind: str = ""
) -> str:
    """A button that opens a panel of links and buttons; works without script. `side` is right or left."""
    return _wrap(context, "menu", content, {"label": label, "icon": icon, "side": side, "kind": kind})


@register.simple_block_tag(takes_context=True)
def more(context: Context, content: str, label: str) -> str:
    """Words that open more words; printed open."""
    return _wrap(context, "more", content, {"label": label})
