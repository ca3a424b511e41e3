"""Tells the audit trail where a request came from."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from scheduling.services import events


class OriginMiddleware:
    """Names the door (page or API) and the address for events written while answering."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        door = "api" if request.path.startswith("/api/") else "page"
        token = events.origin.set(f"{door} {request.META.get('REMOTE_ADDR', '')}")
        try:
            return self.get_response(request)
        finally:
            events.origin.reset(token)
