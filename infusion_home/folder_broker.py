"""kombu's `filesystem://` transport without its two races, for the demo and the tests.

kombu opens a message's file and then writes it, so that a worker may take it while it is empty, and
moves it through the machine's temporary folder, where two workers may both copy it. Here a message
appears whole or not at all, and is taken by whoever renames it first.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

from kombu.transport import filesystem
from kombu.utils.encoding import bytes_to_str, str_to_bytes
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    @property
    def _taken(self) -> Path:
        return self.control_folder.with_name("taken")

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:
        folder = Path(self.data_folder_out)
        folder.mkdir(parents=True, exist_ok=True)
        # Zeros in front keep names in order of time when the clock gains a digit.
        name = f"{round(monotonic() * 1000):015d}_{uuid.uuid4()}.{queue}.msg"
        _write_whole(folder / name, str_to_bytes(dumps(payload)))

    def _get(self, queue: str) -> Any:
        folder = Path(self.data_folder_in)
        try:
            waiting = sorted(os.listdir(folder))
        except FileNotFoundError:
            raise Empty from None
        for name in waiting:
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            self._taken.mkdir(parents=True, exist_ok=True)
            mine = self._taken / name
            try:
                (folder / name).rename(mine)
            except FileNotFoundError:
                continue  # another worker was faster
            payload = mine.read_bytes()
            mine.unlink()
            return loads(bytes_to_str(payload))
        raise Empty

    def _lookup(self, exchange: str, routing_key: str, default: str | None = None) -> list[str]:
        if not exchange:
            return [routing_key or default or self.deadletter_queue]
        found = self.typeof(exchange).lookup(self.get_table(exchange), exchange, routing_key, default)
        # Another thread may be declaring this queue and not have written it down yet; kombu would drop
        # the message. Every queue of ours has the name of its routing key.
        return list(found) or [routing_key]

    def _size(self, queue: str) -> int:
        Path(self.data_folder_in).mkdir(parents=True, exist_ok=True)
        return super()._size(queue)

    def _purge(self, queue: str) -> int:
        Path(self.data_folder_in).mkdir(parents=True, exist_ok=True)
        return super()._purge(queue)

    def _queue_bind(self, exchange: str, *args: Any) -> None:
        self.control_folder.mkdir(parents=True, exist_ok=True)
        table = self._exchange_file(exchange)
        if not table.exists():
            _write_whole(table, b"[]", only_new=True)
        super()._queue_bind(exchange, *args)


class Transport(filesystem.Transport):
    Channel = Channel


def _write_whole(path: Path, content: bytes, *, only_new: bool = False) -> None:
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    draft.write_bytes(content)
    if only_new:
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # made by another process in the meantime, perhaps with queues in it already
        finally:
            draft.unlink()
    else:
        draft.rename(path)
