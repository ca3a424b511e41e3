"""`{% load queue %}`: how many lines "Needs booking" has, for the navigation."""

from __future__ import annotations

from django import template
from django.template import Context

from scheduling import selectors
from scheduling.readings import queue

register = template.Library()


@register.simple_tag(takes_context=True)
def queue_length(context: Context) -> int | None:
    """The number, counted once a request; None for whoever may not see the queue."""
    request = context.get("request")
    if request is None or not selectors.may_write(request.user):
        return None
    if not hasattr(request, "_queue_length"):
        request._queue_length = queue.count(request.user)
    return request._queue_length
