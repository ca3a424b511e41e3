"""`Idempotency-Key` on create: the same wish twice is done once and answered twice.

The key's row is inserted first, in the transaction of what is created: a create that fails leaves no key,
and of two at once the second waits for the first and then gets its answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Mapping
from functools import wraps
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.fields import BooleanField
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from scheduling.models import IdempotencyKey
from scheduling.rules.errors import Refused

HEADER = "Idempotency-Key"
LONGEST_KEY = 100
REPLAYED = "Idempotency-Replayed"

Action = Callable[..., Response]

PARAMETER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="Up to 100 printable characters of your own. The same key and body again gives the same answer.",
)


class KeyMismatch(Refused):
    """The key was used for another request."""

    code = "IDEMPOTENCY_MISMATCH"


def idempotent(action: Action) -> Action:
    """Answer a repeated create from the first one's row. Call what is decorated after sign-in and role checks.

    Raises KeyMismatch for a key used with another body; while the first is still at work a second waits,
    up to the database's lock time-out, then gets 409 BUSY. A rehearsal creates nothing and takes no key.
    """

    @wraps(action)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None or _only_asks(request):
            return action(view, request, *args, **kwargs)
        _check(key)
        fingerprint = _fingerprint(request)
        with transaction.atomic():
            row = _claim(request.user, key, fingerprint)
            if row.status:
                return _replay(row, fingerprint)
            answer = action(view, request, *args, **kwargs)
            row.status = answer.status_code
            row.body = JSONRenderer().render(answer.data).decode()  # as text: jsonb forgets the order of keys
            row.save(update_fields=["status", "body"])
            return answer

    return once


def _only_asks(request: Request) -> bool:
    said = request.data.get("rehearse") if isinstance(request.data, Mapping) else None
    return isinstance(said, Hashable) and said in BooleanField.TRUE_VALUES


def _check(key: str) -> None:
    if not 0 < len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise ValidationError({HEADER: [_("Use 1 to 100 printable characters.")]})


def _fingerprint(request: Request) -> str:
    """The same for the same wish, however its JSON was laid out."""
    wish = json.dumps(request.data, sort_keys=True, default=str)
    return hashlib.sha256(f"{request.method} {request.path}\n{wish}".encode()).hexdigest()


def _claim(user: User, key: str, fingerprint: str) -> IdempotencyKey:
    """The row of the key: a new one with status 0, or the finished one of whoever was first."""
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(user=user, key=key, fingerprint=fingerprint)
    except IntegrityError:
        return IdempotencyKey.objects.get(user=user, key=key)


def _replay(row: IdempotencyKey, fingerprint: str) -> Response:
    if row.fingerprint != fingerprint:
        raise KeyMismatch("This Idempotency-Key was used for another request. Use a new key.", field=HEADER)
    return Response(json.loads(row.body), status=row.status, headers={REPLAYED: "true"})
