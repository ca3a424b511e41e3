"""Tells the audit trail where a request came from."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from scheduling.services import events


class OriginMiddleware:
    """Names the door (page, API or provider) and the address for events written while answering."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        first = request.path.split("/")[1]
        door = {"api": "api", "hooks": "provider"}.get(first, "page")
        token = events.origin.set(f"{door} {request.META.get('REMOTE_ADDR', '')}")
        try:
            return self.get_response(request)
        finally:
            events.origin.reset(token)
