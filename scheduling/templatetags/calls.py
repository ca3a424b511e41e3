"""`{% load calls %}`: how many calls are due and alerts open, for the navigation."""

from __future__ import annotations

from django import template
from django.template import Context

from scheduling import selectors
from scheduling.readings import waiting

register = template.Library()


@register.simple_tag(takes_context=True)
def calls_waiting(context: Context) -> waiting.Waiting | None:
    """The numbers, counted once a request in one query; None for whoever may not see them."""
    request = context.get("request")
    if request is None or not selectors.may_write(request.user):
        return None
    if not hasattr(request, "_calls_waiting"):
        request._calls_waiting = waiting.counted(request.user)
    return request._calls_waiting
