"""An SMTP server on this machine that counts, and is ill when told to.

In a test: `with smtp_server() as mail`. As a process of its own: `python -m tests.provider.smtp_server --port 9925
--log mails.jsonl`: every mail is a line of the log with our id and the recipient.
"""

from __future__ import annotations

import argparse
import json
import re
import socketserver
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread

HUNG_UP = "hung up"


class FakeSmtp(socketserver.ThreadingTCPServer):
    """`says` answers a verb (EHLO, MAIL, RCPT, DATA, "." for the end of a mail) with another line, or HUNG_UP."""

    daemon_threads = allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Session)
        self.lock, self.says = Lock(), dict[str, str]()
        self.mails: list[tuple[str, str]] = []  # Message-ID, recipient
        self.connections = 0
        self.log: Path | None = None
        self.last_words: str = ""

    @property
    def port(self) -> int:
        return self.server_address[1]

    def count(self) -> Counter[str]:
        """How often each of our ids was taken."""
        return Counter(message_id for message_id, _to in self.mails)

    def take(self, words: str, to: str) -> None:
        found = re.search(r"^Message-ID:\s*<([^@>]+)", words, re.MULTILINE | re.IGNORECASE)
        with self.lock:
            self.mails.append((found[1] if found else "", to))
            self.last_words = words
            if self.log is not None:
                with self.log.open("a") as log:
                    log.write(json.dumps({"id": self.mails[-1][0], "to": to}) + "\n")


class Session(socketserver.StreamRequestHandler):
    server: FakeSmtp

    def handle(self) -> None:
        with self.server.lock:
            self.server.connections += 1
        with suppress(OSError):
            self.talk()

    def talk(self) -> None:
        to = ""
        self.line("220 mail.test ESMTP")
        while said := self.rfile.readline().decode(errors="replace").strip():
            verb = said.split(" ")[0].upper()
            if verb in self.server.says and self.server.says[verb] == HUNG_UP:
                return
            if verb == "RCPT":
                to = said.partition("<")[2].rstrip(">").split(">")[0]
            if verb in self.server.says:
                self.line(self.server.says[verb])
            elif verb == "DATA":
                self.line("354 go ahead")
                words = self.words()
                end = self.server.says.get(".", "250 2.0.0 taken")
                if end == HUNG_UP or end.startswith("250"):
                    self.server.take(words, to)
                if end == HUNG_UP:
                    return
                self.line(end)
            elif verb == "QUIT":
                self.line("221 bye")
                return
            else:
                self.line("250 ok")

    def words(self) -> str:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.decode(errors="replace"))
        return "".join(lines)

    def line(self, said: str) -> None:
        self.wfile.write(f"{said}\r\n".encode())


@contextmanager
def smtp_server(port: int = 0) -> Iterator[FakeSmtp]:
    server = FakeSmtp(port)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def main() -> None:
    asked = argparse.ArgumentParser(description="An SMTP server that counts.")
    asked.add_argument("--port", type=int, required=True)
    asked.add_argument("--log", type=Path)
    told = asked.parse_args()
    server = FakeSmtp(told.port)
    server.log = told.log
    print(f"listening on 127.0.0.1:{server.port}", flush=True)
    with suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
