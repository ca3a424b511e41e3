"""Reads settings from the environment and stops with one clear sentence when one is wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SENDER = re.compile(r"\+[1-9]\d{1,14}|MG[0-9a-f]{32}")
HOST = re.compile(r"[a-z0-9.-]+(:\d+)?|\[[0-9a-f:.]+\](:\d+)?")
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def text(name: str, default: str = "") -> str:
    """The value of `name`, or `default` when unset or empty."""
    return os.environ.get(name, "").strip() or default


def required(name: str, why: str) -> str:
    """The value of `name`. Raises ImproperlyConfigured saying why it is needed."""
    if value := text(name):
        return value
    raise ImproperlyConfigured(f"{name} is not set. {why}")


def flag(name: str, default: bool = False) -> bool:
    """A yes or no. Raises ImproperlyConfigured for anything else."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in TRUE:
        return True
    if value.strip().lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; use 1 or 0.")


def whole_number(name: str, default: int, *, least: int = 0) -> int:
    """A whole number of at least `least`. Raises ImproperlyConfigured for anything else."""
    value = text(name)
    if not value:
        return default
    if not value.isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}; use a whole number of at least {least}.")
    return int(value)


def listed(name: str) -> list[str]:
    """A comma-separated list without blanks."""
    return [part.strip() for part in text(name).split(",") if part.strip()]


def choice(name: str, default: str, allowed: Collection[str]) -> str:
    """One of the words in `allowed`. Raises ImproperlyConfigured for any other."""
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}; use one of {', '.join(sorted(allowed))}.")
    return value


def origins(name: str) -> list[str]:
    """Addresses of sites: scheme and host, no path. Raises ImproperlyConfigured for anything else."""
    values = listed(name)
    for value in values:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
            raise ImproperlyConfigured(f"{name} contains {value!r}; use addresses like https://care.example.")
    return values


def url(name: str, schemes: Mapping[str, str]) -> str:
    """A URL with one of `schemes` (scheme -> what it is for), or "" when unset.

    Never repeated in a message: it may carry a password.
    """
    value = text(name)
    if value and urlsplit(value).scheme not in schemes:
        known = ", ".join(f"{scheme}://" for scheme in schemes)
        raise ImproperlyConfigured(f"{name} must start with one of {known}.")
    if value:
        _check_port(name, value)
    return value


def service(name: str) -> str:
    """The address of a web service we ask: http(s)://host[:port][/path], or "" when unset."""
    value = url(name, {"http": "HTTP", "https": "HTTPS"})
    parts = urlsplit(value)
    if value and (not parts.hostname or parts.username or parts.query or parts.fragment):
        raise ImproperlyConfigured(
            f"{name} must be an address like http://osrm:5000, with no name or password."
        )
    return value


def tiles(name: str, *, plain: bool) -> str:
    """The address of map tiles, like https://tiles.example/{z}/{x}/{y}.png, or "" when unset. Never repeated in a
    message: it may carry a key. `plain`: whether http will do; a page over https would not show its pictures.
    """
    value = url(name, {"https": "HTTPS", "http": "HTTP"} if plain else {"https": "HTTPS"})
    parts = urlsplit(value)
    bare = value
    for place in ("{z}", "{x}", "{y}"):
        if value and bare.count(place) != 1:
            raise ImproperlyConfigured(f"{name} must have {{z}}, {{x}} and {{y}} in it, each once.")
        bare = bare.replace(place, "")
    wrong = set(bare) & set("{}<>\"' ") or not HOST.fullmatch(parts.netloc.lower()) or parts.fragment
    if value and wrong:
        raise ImproperlyConfigured(
            f"{name} must be an address like https://tiles.example/{{z}}/{{x}}/{{y}}.png, with no name or password."
        )
    return value


def _check_port(name: str, value: str) -> None:
    try:
        _ = urlsplit(value).port
    except ValueError:
        raise ImproperlyConfigured(f"{name} has a port that is not a number from 0 to 65535.") from None


def email(name: str, default: str) -> dict[str, object]:
    """Django's e-mail settings from smtp://, smtps://, console:// or file:///folder."""
    value = text(name, default)
    _check_port(name, value)
    parts = urlsplit(value)
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if parts.scheme == "file":
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": unquote(parts.path),
        }
    if parts.scheme == "null":
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    if parts.scheme in {"smtp", "smtps"} and parts.hostname:
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": parts.hostname,
            "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 587),
            "EMAIL_HOST_USER": unquote(parts.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
            "EMAIL_USE_SSL": parts.scheme == "smtps",
            "EMAIL_USE_TLS": parts.scheme == "smtp" and "tls=0" not in parts.query,
            "EMAIL_TIMEOUT": 20,
        }
    raise ImproperlyConfigured(
        f"{name} must be smtp://user:password@host:port, smtps://…, console://, null:// or file:///folder."
    )


@dataclass(frozen=True, slots=True)
class Channel:
    """The way out of texts or calls. `kind`: "twilio", "file" (into `folder`), "console" or "null" (nowhere).

    `base` is the address of the provider's interface, `sender` our number (E.164) or a messaging service.
    """

    kind: str
    base: str = ""
    account: str = ""
    token: str = field(default="", repr=False)
    sender: str = ""
    folder: str = ""


def channel(value: str, name: str = "the channel", *, service: bool = True) -> Channel | None:
    """What a channel's URL says; None for "". `service`: whether a messaging service may be the sender.

    Raises ImproperlyConfigured, and never repeats the value: it carries a secret.
    """
    if not value:
        return None
    _check_port(name, value)
    parts = urlsplit(value)
    if parts.scheme in {"console", "null"}:
        return Channel(parts.scheme)
    if parts.scheme == "file" and parts.path.strip("/"):
        return Channel("file", folder=unquote(parts.path))
    if parts.scheme not in {"twilio", "twilio+http"} or not (
        parts.hostname and parts.username and parts.password
    ):
        raise ImproperlyConfigured(
            f"{name} must be twilio://ACCOUNT_SID:AUTH_TOKEN@api.twilio.com?from=+12145550142, console://, null:// "
            "or file:///folder."
        )
    # In a query a plus is a blank; people write the number as it is.
    sender = parse_qs(parts.query.replace("+", "%2B")).get("from", [""])[0].strip()
    if not SENDER.fullmatch(sender) or (sender.startswith("MG") and not service):
        raise ImproperlyConfigured(
            f"{name} must name its sender: ?from=+12145550142"
            + (" or a messaging service, ?from=MG and 32 digits." if service else ".")
        )
    port = f":{parts.port}" if parts.port else ""
    scheme = "http" if parts.scheme == "twilio+http" else "https"
    return Channel(
        "twilio",
        base=f"{scheme}://{parts.hostname}{port}",
        account=unquote(parts.username),
        token=unquote(parts.password),
        sender=sender,
    )


def channel_url(name: str, default: str = "", *, service: bool = True) -> str:
    """The URL of a channel, or "" when it is not set up. Raises ImproperlyConfigured when it cannot be read."""
    value = text(name, default)
    channel(value, name, service=service)
    return value


def public_url(name: str, default: str = "") -> str:
    """Where people and providers reach this: scheme and host, no slash at the end.

    Without a `default` it is needed, and must be https: links and answers travel over it.
    """
    value = (
        text(name, default) or required(name, "Use the address people open, like https://care.example.")
    ).rstrip("/")
    _check_port(name, value)
    parts = urlsplit(value)
    allowed = {"http", "https"} if default else {"https"}
    if (
        parts.scheme not in allowed
        or not parts.hostname
        or parts.username
        or parts.path
        or parts.query
        or parts.fragment
    ):
        raise ImproperlyConfigured(
            f"{name} must be an address like https://care.example, with no path and no password."
        )
    return value


def hours(name: str, default: str) -> tuple[int, int]:
    """First and last hour of a day, like 9-20: from 9:00 until before 20:00."""
    value = text(name, default)
    first, _dash, last = value.partition("-")
    if not (first.isdigit() and last.isdigit() and 0 <= int(first) < int(last) <= 24):
        raise ImproperlyConfigured(f"{name} is {value!r}; use two hours like 9-20.")
    return int(first), int(last)
