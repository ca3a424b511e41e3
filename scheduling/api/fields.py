"""How the API reads and writes days, moments and objects: strictly, and naming the field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
YEARS = range(1900, 2200)
VISIT_YEARS = range(2000, 2199)  # a time at the edge of YEARS is outside it in another zone
HIGHEST_ID = 2**63 - 1


@extend_schema_field(OpenApiTypes.DATE)
class Day(serializers.Field):
    """A calendar day, written YYYY-MM-DD and nothing else."""

    default_error_messages = {
        "format": _("Write the day as YYYY-MM-DD."),
        "no_day": _("There is no such day in the calendar."),
        "year": _("Check the year."),
    }

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or not _DAY.fullmatch(data):
            self.fail("format")
        try:
            day = date.fromisoformat(data)
        except ValueError:
            self.fail("no_day")
        if day.year not in YEARS:
            self.fail("year")
        return day

    def to_representation(self, value: date) -> str:
        return value.isoformat()


@extend_schema_field(OpenApiTypes.DATETIME)
class Moment(serializers.Field):
    """An instant: read with its offset, written in UTC."""

    default_error_messages = {
        "format": _("Write the time as 2026-03-09T09:00:00-05:00."),
        "naive": _("Say the offset from UTC, like 2026-03-09T09:00:00-05:00 or Z."),
        "year": _("Check the year."),
    }

    def to_internal_value(self, data: Any) -> datetime:
        try:
            moment = parse_datetime(data) if isinstance(data, str) and "T" in data.upper() else None
        except ValueError:
            moment = None
        if moment is None:
            self.fail("format")
        if moment.tzinfo is None:
            self.fail("naive")
        if moment.year not in VISIT_YEARS:
            self.fail("year")
        return moment.astimezone(UTC)

    def to_representation(self, value: datetime) -> str:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


@extend_schema_field(OpenApiTypes.INT64)
class Row(serializers.PrimaryKeyRelatedField):
    """The id of a row out of `select(user)`; what the user may not see does not exist."""

    default_error_messages = {
        "does_not_exist": _("There is no such thing, or it is not yours to see."),
        "incorrect_type": _("Enter an id: a whole number."),
    }

    def __init__(self, select: Callable[[Any], QuerySet], **kwargs: Any) -> None:
        self.select = select
        super().__init__(**kwargs)

    def get_queryset(self) -> QuerySet:
        return self.select(self.context["request"].user)

    def to_internal_value(self, data: Any) -> Any:
        text = str(data)
        if isinstance(data, bool) or not text.isascii() or not text.isdigit() or len(text) > 19:
            self.fail("incorrect_type")
        if int(text) > HIGHEST_ID:
            self.fail("does_not_exist")
        return super().to_internal_value(int(text))


class Strict:
    """Refuses keys it has no field for, beside whatever else is wrong."""

    def to_internal_value(self, data: Any) -> Any:
        unknown: dict[str, list[ErrorDetail]] = {}
        if isinstance(data, Mapping):
            message = ErrorDetail(str(_("There is no such field.")), code="unknown_field")
            writable = {name for name, field in self.fields.items() if not field.read_only}  # type: ignore[attr-defined]
            unknown = {str(key)[:60]: [message] for key in data if key not in writable}
        try:
            value = super().to_internal_value(data)  # type: ignore[misc]
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**error.detail, **unknown}) from None
        if unknown:
            raise serializers.ValidationError(unknown)
        return value


class Input(Strict, serializers.Serializer):
    """The body of a request. Raises ValidationError with every field that is wrong."""
