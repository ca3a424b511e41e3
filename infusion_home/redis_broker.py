"""kombu's Redis transport, for a worker that outlives a restart of Redis.

A task that ends while the connection is being renewed says so on the channel it came by, which is closed by then.
kombu 5.7 looks for the address of that channel's connection, finds none, and the AttributeError ends the worker: one
of three at every restart. Here it is an error of the connection, which the worker expects: the task has done its
work, only nobody is told, and what Redis would hand out again finds its rows settled.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as Gone


class Channel(redis.Channel):
    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise Gone("this channel was closed when the connection was lost")
        return super()._connparams(asynchronous=asynchronous)


class Transport(redis.Transport):
    Channel = Channel
