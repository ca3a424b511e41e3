"""Plans of a week or a day for programs: ask for one, watch it, stop it, book what was chosen of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from scheduling import selectors
from scheduling.api.bodies import free_text
from scheduling.api.common import Readable
from scheduling.api.fields import HIGHEST_ID, Day, Input, Moment
from scheduling.api.idempotency import PARAMETER, idempotent
from scheduling.models import PlanLine, WeekPlan
from scheduling.readings import plan_page, plan_problem, plan_roads, plan_words
from scheduling.rules.errors import BadInput, NeedsReason
from scheduling.services import events, plan_take, plans, travel

USUAL_SECONDS = 20
MOST_ITERATIONS = 1_000_000
HEAVY = ("problem", "result", "progress", "about")


class PlanIn(Input):
    """Days of the agency, both included. `release`: which booked visits may move."""

    first_on = Day()
    last_on = Day()
    release = serializers.ChoiceField(WeekPlan._meta.get_field("release").choices, default="none")
    seconds = serializers.IntegerField(
        min_value=plans.SHORTEST, max_value=plans.LONGEST, default=USUAL_SECONDS
    )
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=1)
    iterations = serializers.IntegerField(min_value=1, max_value=MOST_ITERATIONS, required=False)


class TakeIn(Input):
    """Ids of lines; the days of a course go together. `override` is the reason for what is past its window."""

    lines = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=HIGHEST_ID),
        allow_empty=False,
        max_length=plan_take.MOST,
    )
    override = free_text(500)


class PlanOut(serializers.ModelSerializer):
    """A plan in a list."""

    first_on = Day()
    last_on = Day()
    requested_at = Moment()
    started_at = Moment(allow_null=True)
    finished_at = Moment(allow_null=True)
    stop_asked_at = Moment(allow_null=True)

    class Meta:
        model = WeekPlan
        fields = [
            "id", "first_on", "last_on", "release", "seconds", "iterations", "seed", "state", "failure",
            "requested_by", "requested_at", "started_at", "finished_at", "stop_asked_at",
        ]  # fmt: skip


class PlanLineOut(serializers.ModelSerializer):
    """One visit: `place`, `move` or `left`. `reasons` and `helps` are codes with their figures, `why` says them.

    Lines of one `group` are taken together. `outcome` is why one was not possible any more.
    """

    starts_at = Moment(allow_null=True)
    check_id = serializers.IntegerField(source="check_owed_id", allow_null=True)
    reasons = serializers.ListField(child=serializers.DictField())
    helps = serializers.ListField(child=serializers.DictField())
    why = serializers.SerializerMethodField()
    needs_reason = serializers.SerializerMethodField()

    class Meta:
        model = PlanLine
        fields = [
            "id", "kind", "group", "patient", "dose", "check_id", "visit", "visit_version", "nurse", "starts_at",
            "minutes", "time_zone", "reasons", "helps", "why", "needs_reason", "state", "outcome", "outcome_code",
            "made_visit",
        ]  # fmt: skip

    def get_why(self, line: PlanLine) -> list[str]:
        if line.kind == PlanLine.Kind.LEFT:
            return [plan_words.why_left(line.reasons)]
        return plan_words.reasons(line.reasons)

    def get_needs_reason(self, line: PlanLine) -> bool:
        """Proposed past its window: whoever takes it says why."""
        return any(reason.get("code") == "LATE" for reason in line.reasons)


class PlanDetailOut(PlanOut):
    """The plan with how the search goes and, once it is over, its lines and the figures of the days."""

    progress = serializers.ListField(child=serializers.DictField())
    before = serializers.DictField()
    after = serializers.DictField()
    cost = serializers.SerializerMethodField()
    bound = serializers.SerializerMethodField()
    lines = serializers.SerializerMethodField()

    class Meta(PlanOut.Meta):
        fields = [*PlanOut.Meta.fields, "progress", "cost", "bound", "before", "after", "lines"]

    def get_cost(self, plan: WeekPlan) -> dict[str, int]:
        """Seconds at the wheel, and what stands beside them as such; empty while there is no plan."""
        return dict(plan.result.get("cost") or {})

    def get_bound(self, plan: WeekPlan) -> int | None:
        """No plan of these days costs less; null where nothing is proven."""
        bound: int | None = plan.result.get("bound")
        return bound

    @extend_schema_field(PlanLineOut(many=True))
    def get_lines(self, plan: WeekPlan) -> Any:
        return PlanLineOut(self.context["lines"], many=True).data


class TakenOut(serializers.Serializer):
    """What became of the chosen lines. One that was decided before is not among them."""

    booked = serializers.IntegerField()
    lost = serializers.IntegerField()
    lines = PlanLineOut(many=True)


class PlanViewSet(Readable):
    """Plans. The office's."""

    serializer_class = PlanOut

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        self.check_office()

    def get_queryset(self) -> QuerySet[WeekPlan]:
        found = selectors.plans_for(self.request.user)
        return found.defer(*HEAVY) if self.action == "list" else found.defer("problem", "about")

    @extend_schema(request=PlanIn, responses={201: PlanOut}, parameters=[PARAMETER])
    def create(self, request: Request) -> Response:
        """A search that begins as soon as a worker is free. It proposes, and changes no visit."""
        said = self.read_input(PlanIn)
        # Before the key's transaction begins: nobody waits for a network inside one.
        plan_roads.ask(request.user, said["first_on"], said["last_on"], said["release"])
        return self._create(request)

    @idempotent
    def _create(self, request: Request) -> Response:
        said = self.read_input(PlanIn)
        gathered = plan_problem.problem_of(request.user, said["first_on"], said["last_on"], said["release"])
        plan = plans.ask(problem=gathered.problem, about=gathered.about, by=request.user, **said)
        return Response(PlanOut(plan).data, status=201)

    @extend_schema(responses=PlanDetailOut)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Asked again while `state` is waiting or running, it shows how the search goes."""
        plan = self.get_object()
        lines = list(plan_page.lines_of(plan))
        events.charts_read({line.patient for line in lines}, by=request.user, what=f"plan {plan.pk}")
        return Response(PlanDetailOut(plan, context={"lines": lines}).data)

    @extend_schema(request=Input, responses=PlanOut)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Enough: the best plan so far is kept. 409 when the search is over."""
        plan = self.get_object()
        self.read_input(Input)
        return Response(PlanOut(plans.stop(plan_id=plan.pk, by=request.user)).data)

    @extend_schema(request=TakeIn, responses=TakenOut)
    @action(detail=True, methods=["post"])
    def take(self, request: Request, pk: str) -> Response:
        """Book the lines, each judged anew: what is not possible any more says why, the others are booked.

        A line that was decided before is left as it is, so the same body again books nothing twice.
        """
        plan = self.get_object()
        said = self.read_input(TakeIn)
        ids, override = said["lines"], said.get("override", "").strip()
        chosen = [row for row in plan_page.proposal(plan).open if any(x.pk in ids for x in row.lines)]
        if any(row.late for row in chosen) and not override:
            raise NeedsReason(
                "A visit past its window is booked only with a reason.",
                code="LATE_OUTSIDE_WINDOW",
                field="override",
            )
        _warm(chosen)
        try:
            taken = plan_take.take(plan_id=plan.pk, line_ids=ids, override=override, by=request.user)
        except BadInput as no:
            raise BadInput(str(no), field="override" if no.field == "override" else "lines") from no
        lines = PlanLineOut(taken.lines, many=True).data
        return Response({"booked": len(taken.booked), "lost": len(taken.lost), "lines": lines})


def _warm(chosen: Sequence[plan_page.Row]) -> None:
    """The roads are asked for beforehand: a travel service is never waited for under a lock."""
    if travel.on():
        for line in (line for row in chosen for line in row.lines):
            travel.warm_visit(line.patient.place, [line.nurse_id], line.starts_at)
