"""Before and after over HTTP: a change with `rehearse` answers what it would do, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers
from rest_framework.response import Response

from scheduling.api.fields import Day
from scheduling.services import rehearsal

T = TypeVar("T")


class OrderChangeOut(serializers.Serializer):
    prescription = serializers.IntegerField(source="order_id")
    before = serializers.CharField()
    after = serializers.CharField()


class DoseStandsOut(serializers.Serializer):
    """`on` is the day it was given or is planned for as of today; null inside a hold without an end."""

    state = serializers.CharField()
    on = Day(allow_null=True)
    due_on = Day()
    floor_on = Day(allow_null=True)
    window_start_on = Day(allow_null=True)
    window_end_on = Day(allow_null=True)
    amount_mg = serializers.DecimalField(max_digits=9, decimal_places=2, allow_null=True)
    total_minutes = serializers.IntegerField(source="minutes")
    needs_renewed_order = serializers.BooleanField()
    reaction = serializers.CharField()


class DoseChangeOut(serializers.Serializer):
    """`before` is null for a dose that is new, `after` for one that is not planned any more."""

    prescription = serializers.IntegerField(source="order_id")
    number = serializers.IntegerField()
    before = DoseStandsOut(allow_null=True)
    after = DoseStandsOut(allow_null=True)


class VisitChangeOut(serializers.Serializer):
    """What becomes of a booked visit; `code` and `sentence` are empty when it fits."""

    visit = serializers.IntegerField(source="visit_id")
    fits = serializers.SerializerMethodField()
    settled = serializers.BooleanField()
    code = serializers.CharField(source="after.code")
    sentence = serializers.CharField(source="after.sentence")
    minutes_missing = serializers.IntegerField(source="after.short_by")

    def get_fits(self, change: rehearsal.VisitChange) -> bool:
        return not change.misfit


class CheckOut(serializers.Serializer):
    """A lab draw or wellness check that is owed; `prescription` is 0 when a person asked for it."""

    prescription = serializers.IntegerField(source="order_id")
    kind = serializers.CharField()
    what = serializers.ListField(child=serializers.CharField())
    due_on = Day()


class EffectsOut(serializers.Serializer):
    """All a change does. Send `signature` back as `shown`, and nothing else than this is applied."""

    signature = serializers.CharField()
    nothing = serializers.BooleanField()
    orders = OrderChangeOut(many=True)
    visits = VisitChangeOut(many=True)
    doses = DoseChangeOut(many=True)
    checks_new = CheckOut(many=True)
    checks_gone = CheckOut(many=True)
    doses_unchanged = serializers.SerializerMethodField()

    def get_doses_unchanged(self, effects: rehearsal.Effects) -> int:
        return len(effects.unchanged)


def apart(said: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A `bodies.Rehearsable` body in two: what the service is told, and what is asked about it."""
    asked = {name: said[name] for name in ("rehearse", "shown") if name in said}
    return {name: value for name, value in said.items() if name not in asked}, asked


def or_effects(done: type[serializers.BaseSerializer]) -> PolymorphicProxySerializer:
    """For the schema: the answer to the change, or with `rehearse` its effects."""
    name = f"{done.__name__.removesuffix('Out')}OrEffects"
    return PolymorphicProxySerializer(
        component_name=name, serializers=[done, EffectsOut], resource_type_field_name=None
    )


def settle(
    change: Callable[[], T], *, patient_id: int, asked: dict[str, Any], answer: Callable[[T], Response]
) -> Response:
    """Apply and `answer`, or with `rehearse` among what was `asked` (see `bodies.Rehearsable`) the effects, 200."""
    if asked.get("rehearse"):
        effects = rehearsal.rehearse(change, patient_id=patient_id)
        return Response(EffectsOut(effects).data)
    done = rehearsal.carry_out(change, patient_id=patient_id, shown=asked.get("shown"))
    return answer(done.result)
