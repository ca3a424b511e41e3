"""Ways out that reach nobody: a folder for the demo, the console, and nothing at all for measuring."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from django.utils import timezone

from scheduling.transports.base import Doubt, Message, Outcome, Sent, TryAgain

NAME = "messages.jsonl"


class Folder:
    """One JSON line a message in a file of the folder, readable by us alone."""

    lot = 25

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / NAME

    def send(self, message: Message) -> Outcome:
        line = _line(message)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # One write at the end of the file: lines of several workers do not mix.
            there = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                wrote = os.write(there, line)
            finally:
                os.close(there)
        except OSError as error:
            return TryAgain(f"the folder cannot be written to ({error.strerror})")
        if wrote < len(line):
            return Doubt("the disk is full", can_ask=True)
        return Sent(provider_id=f"file-{message.id}")

    def look_up(self, message: Message, since: datetime) -> Sent | TryAgain | Doubt:
        try:
            with self.path.open(encoding="utf-8") as lines:
                found = any(_id_of(line) == message.id for line in lines)
        except FileNotFoundError:
            found = False
        except OSError as error:
            return Doubt(f"the folder cannot be read ({error.strerror})")
        return Sent(provider_id=f"file-{message.id}") if found else TryAgain("it is not in the folder")


class Console:
    """The same line on the console. Nobody reads it back, so one at a time."""

    lot = 1

    def send(self, message: Message) -> Outcome:
        sys.stdout.write(_line(message).decode())
        sys.stdout.flush()
        return Sent()

    def look_up(self, message: Message, since: datetime) -> Doubt:
        return Doubt("a console cannot be asked what it showed")


class Nowhere:
    """Takes everything and keeps nothing."""

    lot = 100

    def send(self, message: Message) -> Outcome:
        return Sent()

    def look_up(self, message: Message, since: datetime) -> TryAgain:
        return TryAgain("nothing goes anywhere")


def _line(message: Message) -> bytes:
    said = {"at": timezone.now().isoformat(), **asdict(message)}
    return (json.dumps(said, ensure_ascii=False) + "\n").encode()


def _id_of(line: str) -> str:
    """Our id in a line; "" for one that was cut off."""
    try:
        return str(json.loads(line).get("id", ""))
    except (ValueError, AttributeError):
        return ""
