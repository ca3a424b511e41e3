"""How log lines are written: where something failed and what kind it was, never what a person typed.

The message of an exception can hold a row of the database or a field of a form (PostgreSQL's DETAIL does).
"""

from __future__ import annotations

import logging
import re
import traceback
from types import TracebackType

ExcInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)  # as logging has it


# Addresses that open without a password: a line that names one would hand it to whoever reads the log.
SECRET_ADDRESS = re.compile(r"(/(?:cal|s)/)[\w-]{8,}")


class LineFormatter(logging.Formatter):
    """Lines of code and kinds of errors; the sentences of the errors are left out."""

    def formatException(self, ei: ExcInfo) -> str:
        _kind, error, _where = ei
        return _trace(error) if error is not None else ""

    def formatMessage(self, record: logging.LogRecord) -> str:
        if record.name.startswith("celery.") and record.exc_info and isinstance(record.args, dict):
            # Celery puts the error itself into its sentence.
            record.message = f"task {record.args.get('name', '')} failed"
        record.message = SECRET_ADDRESS.sub(r"\1…", record.message)
        return super().formatMessage(record)


def _trace(error: BaseException) -> str:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    here = "".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__
    return f"{_trace(before)}\nwhich led to\n{here}" if before is not None else here
