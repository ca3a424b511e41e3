"""What the API says no with: every error one `application/problem+json`, and the reading of JSON that is strict.

RFC 9457 with two members of ours: `code` is stable, `errors` names each field. What was refused by a rule
keeps its own code and status (scheduling.rules.errors).
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import IO, Any, NoReturn

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import defaults as default_views
from rest_framework import exceptions
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from scheduling.rules.errors import Refused

UNDER = "/api/"
MEDIA_TYPE = "application/problem+json"
LONGEST_BODY = 1_000_000  # bytes; a year of one patient's doses is a hundredth of it
DEEPEST = 20
LONGEST_DETAIL = 500

CODES: dict[type[exceptions.APIException], str] = {
    exceptions.ValidationError: "BAD_INPUT",
    exceptions.ParseError: "BAD_INPUT",
    exceptions.AuthenticationFailed: "TOKEN_REFUSED",
    exceptions.NotAuthenticated: "NOT_SIGNED_IN",
    exceptions.PermissionDenied: "FORBIDDEN",
    exceptions.NotFound: "NOT_FOUND",
    exceptions.MethodNotAllowed: "METHOD_NOT_ALLOWED",
    exceptions.NotAcceptable: "NOT_ACCEPTABLE",
    exceptions.UnsupportedMediaType: "UNSUPPORTED_MEDIA_TYPE",
    exceptions.Throttled: "TOO_MANY_REQUESTS",
}
BROKEN_CONSTRAINT = {"23505", "23P01"}  # unique, exclusion
BUSY = {"40P01", "40001", "55P03"}  # deadlock, serialization, lock time-out

log = logging.getLogger(__name__)


def problem(error: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to whatever a view raised. What nobody foresaw is a 500 that tells nothing of the inside."""
    if isinstance(error, Refused):
        elsewhere = getattr(error, "alternatives", "")
        return _answer(
            error.status,
            error.code,
            _sentence(error),
            [_field(error.field, error.code, _sentence(error))] if error.field else [],
            absolute=error.absolute,
            codes=list(error.codes),
            **({"alternatives": elsewhere} if elsewhere else {}),
        )
    if isinstance(error, (Http404, exceptions.NotFound)):
        return _answer(404, "NOT_FOUND", _("There is no such thing, or it is not yours to see."))
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.APIException):
        return _from_framework(error)
    if isinstance(error, UnreadablePostError):
        return _answer(400, "BAD_INPUT", _("The connection ended before the whole request was here."))
    pgcode = getattr(error.__cause__, "pgcode", None)
    if isinstance(error, IntegrityError) and pgcode in BROKEN_CONSTRAINT:
        return _answer(409, "CONFLICT", _("Somebody else saved the same thing first. Look again."))
    if isinstance(error, OperationalError) and pgcode in BUSY:
        return _answer(409, "BUSY", _("Somebody else is changing this right now. Try again in a moment."))
    _log(error, context)
    return _answer(500, "SERVER_ERROR", _went_wrong())


def no_such_address(request: HttpRequest, *args: object, **kwargs: object) -> JsonResponse:
    """404 for an address under /api/ that nobody answers to."""
    detail = _("There is no such address.")
    if not request.path.endswith("/"):
        detail += " " + _("Every address of this API ends with a slash.")
    return JsonResponse(body(404, "NOT_FOUND", detail), status=404, content_type=MEDIA_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 for what Django refuses before any view is asked, such as a wrong host."""
    if not request.path.startswith(UNDER):
        return default_views.bad_request(request, exception)
    told = body(400, "BAD_INPUT", _("The request cannot be understood."))
    return JsonResponse(told, status=400, content_type=MEDIA_TYPE)


def server_error(request: HttpRequest) -> HttpResponse:
    """500 for what failed before a view was asked, or after it answered."""
    if not request.path.startswith(UNDER):
        return default_views.server_error(request)
    return JsonResponse(body(500, "SERVER_ERROR", _went_wrong()), status=500, content_type=MEDIA_TYPE)


def body(status: int, code: str, detail: str, errors: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """The members every problem has."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": errors or [],
    }


def _answer(
    status: int, code: str, detail: str, errors: list[dict[str, str]] | None = None, **more: Any
) -> Response:
    return Response({**body(status, code, detail, errors), **more}, status=status, content_type=MEDIA_TYPE)


def _from_framework(error: exceptions.APIException) -> Response:
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), "ERROR")
    errors: list[dict[str, str]] = []
    if isinstance(error.detail, (dict, list)):
        errors = [_field(path, kind, text) for path, kind, text in _flat(error.detail)]
        detail = errors[0]["detail"] if len(errors) == 1 else _("Look at each field named in errors.")
    else:
        detail = str(error.detail)
        named = str(getattr(error.detail, "code", ""))
        code = named if named.isupper() else code
    answer = _answer(error.status_code, code, detail, errors)
    if scheme := getattr(error, "auth_header", None):
        answer["WWW-Authenticate"] = scheme
    if seconds := getattr(error, "wait", None):
        answer["Retry-After"] = str(int(seconds))
    return answer


def _flat(detail: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """(path of the field, code, sentence) for each leaf: `given[0].on` for what is inside a list."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            if isinstance(key, int):
                yield from _flat(inner, f"{path}[{key}]")
            elif key == "non_field_errors":
                yield from _flat(inner, path)
            else:
                yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, (Mapping, list))
            yield from _flat(inner, f"{path}[{index}]" if nested else path)
    else:
        code = str(getattr(detail, "code", "") or "invalid")
        yield path, "BAD_INPUT" if code == "invalid" else code.upper(), str(detail)


def _field(path: str, code: str, detail: str) -> dict[str, str]:
    return {"field": path, "code": code, "detail": detail[:LONGEST_DETAIL]}


def _went_wrong() -> str:
    return _("Something went wrong on our side. Look whether it was saved before you try again.")


def _sentence(error: Refused) -> str:
    text = str(error).strip()[:LONGEST_DETAIL]
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def _log(error: Exception, context: Mapping[str, Any]) -> None:
    """Where it happened and what kind; not the message, which can hold what a person typed."""
    where = "".join(traceback.format_tb(error.__traceback__))
    view = type(context.get("view")).__name__
    log.error("unforeseen %s in %s\n%s", type(error).__name__, view, where)


class StrictJSONParser(BaseParser):
    """JSON as RFC 8259 means it: UTF-8, no key twice, no NaN; decimals exactly as written.

    Raises ValidationError or ParseError with one sentence; a text nobody can store names its field.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw = stream.read(LONGEST_BODY + 1)
        if len(raw) > LONGEST_BODY:
            raise exceptions.ParseError(_("The body is longer than 1 MB."))
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise exceptions.ParseError(_("The body is not UTF-8 text.")) from None
        try:
            value = json.loads(
                text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_unique_keys
            )
        except RecursionError:
            raise _too_deep() from None
        except json.JSONDecodeError as error:
            raise exceptions.ParseError(
                _("The body is not JSON: line %(line)d, column %(column)d.")
                % {"line": error.lineno, "column": error.colno}
            ) from None
        except ValueError:  # a number of thousands of digits
            raise exceptions.ParseError(_("The body has a number too long to read.")) from None
        _check_texts(value, "", 0)
        return value


def _no_constant(name: str) -> NoReturn:
    raise exceptions.ParseError(_("The body is not JSON: %(name)s is not a number.") % {"name": name})


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise exceptions.ParseError(_("The key %(key)s is there twice.") % {"key": _printable(key)})
        found[key] = value
    return found


def _too_deep() -> exceptions.ParseError:
    return exceptions.ParseError(_("The body is nested too deeply."))


def _check_texts(value: Any, path: str, depth: int) -> None:
    """Refuse what PostgreSQL cannot store and UTF-8 cannot write, wherever it is: NUL and half characters."""
    if depth > DEEPEST:
        raise _too_deep()
    if isinstance(value, str):
        if "\0" in value or _printable(value, len(value)) != value:
            raise exceptions.ValidationError({path: [_("Remove the character that cannot be printed.")]})
    elif isinstance(value, dict):
        for key, inner in value.items():
            name = _printable(key)
            _check_texts(key, name, depth + 1)
            _check_texts(inner, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_texts(inner, f"{path}[{index}]", depth + 1)


def _printable(text: str, length: int = 60) -> str:
    return text[:length].encode("utf-8", "replace").decode()


class Pages(PageNumberPagination):
    """`?page=` from 1, `?page_size=` up to 200. A page that is no number is a 400, one past the end a 404."""

    page_size_query_param = "page_size"
    max_page_size = 200
    invalid_page_message = gettext_lazy("There is no such page.")

    def get_page_number(self, request: Any, paginator: Any) -> Any:
        number = request.query_params.get(self.page_query_param) or 1
        if not str(number).isascii() or not str(number).isdigit() or len(str(number)) > 9:
            raise exceptions.ValidationError({self.page_query_param: [_("Enter a page number from 1.")]})
        return number
