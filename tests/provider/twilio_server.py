"""A server on this machine that speaks as Twilio's REST API does (2010-04-01, JSON), well or badly.

In a test: `with twilio_server() as twilio`. As a process of its own, for storms:

    python -m tests.provider.twilio_server --port 9911 --log accepted.jsonl [--fail 5] [--slow 0.01]

`--fail N`: of a hundred requests, N end badly: turned away, cut off after they were taken, or with a 500 after that.
`GET /count` tells what was taken: {"messages": n, "calls": n, "twice": [[to, body, times], ...]}.
Wire format: twilio.com/docs/messaging/api/message-resource, voice/api/call-resource, usage/webhooks/webhooks-security.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

from twilio.request_validator import RequestValidator

ACCOUNT, TOKEN, SENDER = "AC" + "1" * 32, "a-token-for-tests", "+12145550142"
LONGEST_WAIT = 30  # seconds a silent server keeps quiet
WORDS = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    20503: "Service Unavailable",
    21211: "The 'To' number is not a valid phone number.",
    21604: "A 'To' phone number is required.",
    21610: "Attempt to send to unsubscribed recipient",
    21614: "'To' number is not a valid mobile number",
}


@dataclass
class Taken:
    """One message or call Twilio said 201 to, and what it tells of it."""

    sid: str
    kind: str  # "Messages" or "Calls"
    form: dict[str, str]
    created_at: datetime
    status: str = "queued"
    error_code: int | None = None

    def json(self) -> dict[str, Any]:
        made = format_datetime(self.created_at)
        common = {
            "sid": self.sid, "account_sid": ACCOUNT, "to": self.form["To"], "status": self.status,
            "date_created": made, "date_updated": made, "direction": "outbound-api", "api_version": "2010-04-01",
            "price": None, "price_unit": "USD", "subresource_uris": {},
            "uri": f"/2010-04-01/Accounts/{ACCOUNT}/{self.kind}/{self.sid}.json",
        }  # fmt: skip
        if self.kind == "Calls":
            return {
                **common,
                "from": self.form.get("From"),
                "start_time": None,
                "end_time": None,
                "duration": None,
            }
        service = self.form.get("MessagingServiceSid")
        return {
            **common, "body": self.form["Body"], "from": self.form.get("From"), "messaging_service_sid": service,
            "direction": "outbound-api", "num_segments": "1", "num_media": "0", "error_code": self.error_code,
            "error_message": None, "date_sent": made if self.status in {"sent", "delivered"} else None,
        }  # fmt: skip


Ill = Callable[["Handler", Callable[[], Taken]], None]


@dataclass
class World:
    """What the provider knows: what it took, who opted out, which numbers are nobody's, and how ill it is."""

    taken: list[Taken] = field(default_factory=list)
    opted_out: set[str] = field(default_factory=set)
    nobody: set[str] = field(default_factory=set)
    ill: list[Ill] = field(default_factory=list)  # one for each of the next requests to send
    asked: list[str] = field(default_factory=list)
    lists_are_ill: Ill | None = None
    fail_percent: int = 0
    slow: float = 0.0
    log: Path | None = None


class FakeTwilio(ThreadingHTTPServer):
    """Answers any number of clients at once; keeps its own count."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.world, self.lock, self.released = World(), Lock(), Event()
        self.dice = random.Random(1)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def url(self, sender: str = SENDER) -> str:
        """What TEXT_URL or VOICE_URL is set to."""
        return f"twilio+http://{ACCOUNT}:{TOKEN}@127.0.0.1:{self.server_address[1]}?from={sender}"

    def take(self, kind: str, form: dict[str, str]) -> Taken:
        """201: it is ours now."""
        with self.lock:
            number = len(self.world.taken) + 1
            sid = ("SM" if kind == "Messages" else "CA") + f"{number:032x}"
            one = Taken(sid, kind, form, datetime.now(UTC))
            self.world.taken.append(one)
            if self.world.log is not None:
                with self.world.log.open("a") as log:
                    log.write(json.dumps({"sid": sid, "kind": kind, **form}) + "\n")
        return one

    @property
    def messages(self) -> list[Taken]:
        return [one for one in self.world.taken if one.kind == "Messages"]

    @property
    def calls(self) -> list[Taken]:
        return [one for one in self.world.taken if one.kind == "Calls"]

    def count(self) -> Counter[tuple[str, str]]:
        """How often each text was taken, by number and words."""
        return Counter((one.form["To"], one.form["Body"]) for one in self.messages)

    def report(self, one: Taken, status: str, error: int | None = None, *, times: int = 1) -> list[int]:
        """Tell the client's status callback, signed, as often as `times`; the statuses it answered."""
        one.status, one.error_code = status, error
        name = "Message" if one.kind == "Messages" else "Call"
        said = {f"{name}Sid": one.sid, f"{name}Status": status, "AccountSid": ACCOUNT, "To": one.form["To"]}
        if error:
            said["ErrorCode"] = str(error)
        return [post_signed(one.form["StatusCallback"], said) for _ in range(times)]


def signature(url: str, said: dict[str, str], token: str = TOKEN) -> str:
    """What Twilio puts into X-Twilio-Signature for a form it posts to `url`."""
    return RequestValidator(token).compute_signature(url, said)


def post_signed(url: str, said: dict[str, str]) -> int:
    """Post a form as Twilio does; the status it was answered with."""
    request = Request(
        url, data=urlencode(said).encode(), headers={"X-Twilio-Signature": signature(url, said)}
    )
    try:
        with urlopen(request, timeout=20) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


class Handler(BaseHTTPRequestHandler):
    server: FakeTwilio
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}
        kind = self.kind()
        if kind is None:
            return
        world = self.server.world
        if world.slow:
            self.server.released.wait(world.slow)

        def take() -> Taken:
            return self.server.take(kind, form)

        with self.server.lock:
            world.asked.append(f"POST {kind}")
            ill = world.ill.pop(0) if world.ill else self.bad_luck()
        if ill is not None:
            ill(self, take)
        elif not form.get("To"):
            self.error(400, 21604)
        elif form["To"] in world.nobody:
            self.error(400, 21211)
        elif kind == "Messages" and form["To"] in world.opted_out:
            self.error(400, 21610)
        else:
            self.say(201, take().json())

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/count":
            self.say(200, self.counted())
            return
        kind = self.kind()
        if kind is None:
            return
        with self.server.lock:
            self.server.world.asked.append(f"GET {kind}")
            found = [one for one in self.server.world.taken if one.kind == kind]
        if self.server.world.lists_are_ill is not None:
            self.server.world.lists_are_ill(self, lambda: found[-1])
            return
        last = parts.path.rsplit("/", 1)[-1].removesuffix(".json")
        if last != kind:
            one = next((one for one in found if one.sid == last), None)
            self.say(200, one.json()) if one else self.error(404, 20404)
            return
        self.say(200, self.page(kind, found, parse_qs(parts.query)))

    def page(self, kind: str, found: list[Taken], asked: dict[str, list[str]]) -> dict[str, Any]:
        """Newest first, as many as PageSize, and where the next page is."""
        if to := asked.get("To"):
            found = [one for one in found if one.form["To"] == to[0]]
        for name, keep in (("DateSent>", "after"), ("DateSent<", "before"), ("DateSent", "on")):
            if said := asked.get(name):  # without a time of sending yet, it is not listed by one
                found = [one for one in found if _sent_on(one, keep, said[0])]
        found = sorted(found, key=lambda one: one.sid, reverse=True)
        size, number = int(asked.get("PageSize", ["50"])[0]), int(asked.get("Page", ["0"])[0])
        shown = found[number * size : (number + 1) * size]
        path = f"/2010-04-01/Accounts/{ACCOUNT}/{kind}.json"
        again = {name: values[0] for name, values in asked.items() if name not in {"Page", "PageToken"}}
        more = len(found) > (number + 1) * size
        following = (
            urlencode({**again, "Page": number + 1, "PageToken": f"PA{shown[-1].sid}"}) if more else ""
        )
        return {
            kind.lower(): [one.json() for one in shown],
            "page": number, "page_size": size, "start": number * size, "end": number * size + len(shown),
            "uri": path, "first_page_uri": path, "previous_page_uri": None,
            "next_page_uri": f"{path}?{following}" if more else None,
        }  # fmt: skip

    def kind(self) -> str | None:
        """Messages or Calls; otherwise, or for somebody else's name and password, the error is said here."""
        wanted = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            self.error(401, 20003)
            return None
        for kind in ("Messages", "Calls"):
            if urlsplit(self.path).path.startswith(f"/2010-04-01/Accounts/{ACCOUNT}/{kind}"):
                return kind
        self.error(404, 20404)
        return None

    def bad_luck(self) -> Ill | None:
        world = self.server.world
        if not world.fail_percent or self.server.dice.randrange(100) >= world.fail_percent:
            return None
        return self.server.dice.choice([turned_away(1), unwell, cut_off_after_taking, failed_after_taking])

    def counted(self) -> dict[str, Any]:
        with self.server.lock:
            counts = self.server.count()
            calls = len(self.server.calls)
        twice = [[to, body, times] for (to, body), times in counts.items() if times > 1]
        return {"messages": sum(counts.values()), "different": len(counts), "calls": calls, "twice": twice}

    def error(self, status: int, code: int, **headers: str) -> None:
        said = {
            "code": code,
            "message": WORDS.get(code, "Error"),
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        }
        self.say(status, said, **headers)

    def say(self, status: int, said: object, **headers: str) -> None:
        self.raw(status, json.dumps(said).encode(), Content_Type="application/json", **headers)

    def raw(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        with suppress(OSError):  # whoever asked has hung up
            self.wfile.write(body)
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the address holds numbers."""


def _sent_on(one: Taken, keep: str, day: str) -> bool:
    if one.status not in {"sent", "delivered"}:
        return False
    sent = one.created_at.date().isoformat()
    return {"after": sent >= day[:10], "before": sent <= day[:10], "on": sent == day[:10]}[keep]


@contextmanager
def twilio_server(port: int = 0) -> Iterator[FakeTwilio]:
    server = FakeTwilio(port)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


# --- Ill ways to answer a request to send: (handler, take) -------------------------------------


def turned_away(after_seconds: int | str = 7) -> Ill:
    """429 with Retry-After: not taken."""

    def answer(handler: Handler, take: Callable[[], Taken]) -> None:
        handler.error(429, 20429, Retry_After=str(after_seconds))

    return answer


def unwell(handler: Handler, take: Callable[[], Taken]) -> None:
    """503: not taken."""
    handler.error(503, 20503)


def says(status: int, code: int) -> Ill:
    """Not taken, with this error."""
    return lambda handler, take: handler.error(status, code)


def failed_after_taking(handler: Handler, take: Callable[[], Taken]) -> None:
    take()
    handler.error(500, 20500)


def failed_before_taking(handler: Handler, take: Callable[[], Taken]) -> None:
    handler.error(500, 20500)


def cut_off_after_taking(handler: Handler, take: Callable[[], Taken]) -> None:
    take()
    handler.close_connection = True


def cut_off_before_taking(handler: Handler, take: Callable[[], Taken]) -> None:
    handler.close_connection = True


def silent_after_taking(handler: Handler, take: Callable[[], Taken]) -> None:
    take()
    handler.server.released.wait(LONGEST_WAIT)
    handler.close_connection = True


def garbage_after_taking(handler: Handler, take: Callable[[], Taken]) -> None:
    take()
    handler.raw(201, b"<html>\xff not what you asked")


def moved(handler: Handler, take: Callable[[], Taken]) -> None:
    handler.raw(302, b"", Location="http://127.0.0.1:1/elsewhere")


def main() -> None:
    asked = argparse.ArgumentParser(description="A fake of Twilio that counts.")
    asked.add_argument("--port", type=int, required=True)
    asked.add_argument("--log", type=Path)
    asked.add_argument("--fail", type=int, default=0, help="bad answers in a hundred")
    asked.add_argument("--slow", type=float, default=0.0, help="seconds before each answer")
    told = asked.parse_args()
    server = FakeTwilio(told.port)
    server.world.log, server.world.fail_percent, server.world.slow = told.log, told.fail, told.slow
    print(f"listening on {server.base}", flush=True)
    with suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
