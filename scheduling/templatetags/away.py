"""`{% load away %}`: what broke today, told at the top of a page: visits without their nurse, freed time."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from scheduling import selectors
from scheduling.readings import freed, uncovered

register = template.Library()


@register.inclusion_tag("scheduling/away/_notes.html", takes_context=True)
def away_notes(context: Context) -> dict[str, Any]:
    """Two notes at most, each with the way on; nothing for whoever may not book. Eight queries.

    A page that knows already how many visits lost their nurse says so as `lost`: then one query.
    """
    request = context.get("request")
    if request is None or not selectors.may_write(request.user):
        return {}
    lost = context.get("lost")
    return {
        "uncovered": uncovered.count(request.user) if lost is None else lost,
        "freed": freed.count(request.user),
    }
