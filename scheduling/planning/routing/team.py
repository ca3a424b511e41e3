"""Neighbourhoods planned and nurse-days priced in several processes, or here where one is enough.

Every task is complete in itself, so the answers are the same wherever it was worked on.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import Any

import numpy as np

from scheduling.planning.routing.budget import Budget
from scheduling.planning.routing.days import Priced
from scheduling.planning.routing.generate import Ask, here
from scheduling.planning.routing.neighbourhoods import Answer, Task, replan
from scheduling.planning.routing.problem import Problem
from scheduling.planning.routing.table import Table, Whole, table

LOOK = 0.2  # seconds between two questions whether to stop

_TABLE: list[Table] = []  # of a process that helps


def _begin(problem: Problem) -> None:
    """In a new process: what is asked to end is the one that started it, and it ends its helpers."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _TABLE.append(table(problem))


def _replan(task: Task) -> Answer:
    return replanned(_TABLE[0], task)


def _price(asks: Sequence[Ask], nurse_cost: Whole, below: float, keep: int, labels: int) -> list[Priced]:
    return here(replace(_TABLE[0], nurse_cost=nurse_cost))(asks, below, keep, labels)


def replanned(built: Table, task: Task, halted: Callable[[], bool] = lambda: False) -> Answer:
    clock = Budget(None if task.seconds is None else task.seconds / 2, None, halted)
    return replan(replace(built, nurse_cost=task.nurse_cost), task, over=clock.over, halted=halted)


class Team:
    """`processes` that work on one problem. Ends with `close`, which leaves none behind."""

    def __init__(self, built: Table, processes: int, halted: Callable[[], bool]) -> None:
        self.table, self.halted = built, halted
        self.size = processes
        self.pool: ProcessPoolExecutor | None = None
        if processes > 1:
            self.pool = ProcessPoolExecutor(
                processes,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(built.problem,),
            )

    def replan(self, tasks: Sequence[Task]) -> list[Answer]:
        """In the order of the tasks; fewer where somebody wants an end."""
        if self.pool is None or len(tasks) < 2:
            return [replanned(self.table, task, self.halted) for task in tasks if not self.halted()]
        answers = self._wait([self.pool.submit(_replan, task) for task in tasks])
        return answers if answers is not None else self.replan(tasks)

    def price(self, built: Table) -> Callable[[Sequence[Ask], float, int, int], list[Priced]]:
        """A pricer that shares the nurse-days among the processes."""

        def ask(asks: Sequence[Ask], below: float, keep: int, labels: int) -> list[Priced]:
            if self.pool is None or len(asks) < 8:
                return here(built)(asks, below, keep, labels)
            parts = [asks[at :: 2 * self.size] for at in range(2 * self.size)]
            futures = [
                self.pool.submit(_price, some, built.nurse_cost, below, keep, labels)
                for some in parts
                if some
            ]
            answers = self._wait(futures)
            if answers is None or len(answers) < len(futures):
                return (
                    here(built)(asks, below, keep, labels)
                    if not self.halted()
                    else [_nothing() for _ in asks]
                )
            found: list[Priced] = [_nothing() for _ in asks]
            for at, some in enumerate(answers):
                found[at :: 2 * self.size] = some
            return found

        return ask

    def close(self) -> None:
        if self.pool is None:
            return
        helpers = list((getattr(self.pool, "_processes", None) or {}).values())
        self.pool.shutdown(wait=False, cancel_futures=True)
        for helper in helpers:
            helper.terminate()
        for helper in helpers:
            helper.join()
        self.pool = None

    def _wait(self, futures: list[Future[Any]]) -> list[Any] | None:
        """The answers in order, those that were there when somebody wanted an end; None where a process was lost."""
        waiting = set(futures)
        try:
            while waiting and not self.halted():
                done, waiting = wait(waiting, timeout=LOOK, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
            return [future.result() for future in futures if future.done()]
        except BrokenProcessPool:  # killed, or out of memory: what is left is done here
            self.close()
            return None


def _nothing() -> Priced:
    return Priced(np.zeros((0, 1), np.int64), np.zeros(0), None)
