"""Before and after: every form that moves dates shows what it does, and saves only what was shown.

A form of these pages has two buttons: `do=preview` shows, any other saves. The page carries the signature of
what it shows; saving something else answers 409 with the new before and after, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from patients.models import Patient
from scheduling.forms.fields import refuse, sentence
from scheduling.readings import effects as readings
from scheduling.rules.errors import Refused
from scheduling.services import events, rehearsal
from scheduling.services.rehearsal import Applied, Effects, NotAsShown

Values = Mapping[str, Any]
NOT_SAID = "not said yet"  # stands for a reason until the change is saved; a rehearsal forgets it


def previews(request: HttpRequest) -> bool:
    """Whether the form only asks what it would do."""
    return request.method == "POST" and request.POST.get("do") == "preview"


def looked(request: HttpRequest, patient: Patient, what: str) -> None:
    """A look at a chart is in the trail: once when a form opens, not again with every word that is typed in it."""
    if request.method in {"GET", "HEAD"}:
        events.chart_read(patient, by=request.user, what=what)
    else:
        events.chart_read_once(patient, by=request.user, what=what)


@dataclass
class ChangeForm:
    """One form that moves dates: `does` makes the service's call from its values.

    `later` names fields that only saving asks for, each with what stands for it in a rehearsal; `fields` maps
    the rules' names of a field to the form's.
    """

    request: HttpRequest
    form: BaseForm
    patient_id: int
    does: Callable[[Values], Callable[[], Any]]
    later: Mapping[str, Any]
    fields: Mapping[str, str] | None = None

    status: int = 200
    effects: Effects | None = None
    refused: str = ""
    stale: str = ""  # "other": not what was shown; "first": nothing was shown yet
    applied: Applied[Any] | None = None

    def run(self, initial: Values | None = None) -> ChangeForm:
        """Show what the form would do (GET: with `initial`, None shows nothing yet), or save it."""
        if self.request.method != "POST":
            if initial is not None:
                self._show(initial)
            return self
        saves = not previews(self.request)
        needed = [] if saves else self._read_as_typed()
        if not self.form.is_valid():
            self.status = 422
            if self.form.is_bound and set(self.form.errors) <= set(self.later) and self._has(needed):
                self._show(self.form.cleaned_data)
        elif saves:
            self._save()
        elif self._has(needed):
            self._show(self.form.cleaned_data, beside=True)
        return self

    def _has(self, needed: list[str]) -> bool:
        """Whether what an effect needs is filled in."""
        return all(self.form.cleaned_data.get(name) not in (None, "") for name in needed)

    def _read_as_typed(self) -> list[str]:
        """Read the form while it is filled in: what is missing is not wrong yet. Returns what an effect needs."""
        required = [field for field in self.form.fields.values() if field.required]
        needed = [name for name, field in self.form.fields.items() if field.required]
        for field in required:
            field.required = False
        self.form.full_clean()
        for field in required:  # the page says of the same fields that they are needed
            field.required = True
        return [name for name in needed if name not in self.later]

    def _show(self, values: Values, *, beside: bool = False) -> None:
        stands_for = {name: values.get(name) or word for name, word in self.later.items()}
        try:
            change = self.does({**values, **stands_for})
            self.effects = rehearsal.rehearse(change, patient_id=self.patient_id)
        except Refused as no:
            self.refused = sentence(no)
            if beside:
                self.status = refuse(self.form, no, dict(self.fields or {}))

    def _save(self) -> None:
        saw = self.request.POST.get("shown", "")
        try:
            change = self.does(self.form.cleaned_data)
            self.applied = rehearsal.carry_out(change, patient_id=self.patient_id, shown=saw)
        except NotAsShown as no:
            self.effects = no.effects
            self.stale, self.status = ("other", 409) if saw else ("first", 200)
        except Refused as no:
            self.refused = sentence(no)
            self.status = refuse(self.form, no, dict(self.fields or {}))

    @property
    def decides(self) -> bool:
        """Saved, and a booked visit no longer fits."""
        return self.applied is not None and any(one.misfit for one in self.applied.effects.visits)

    def leave(self) -> HttpResponse:
        """After saving: to the visits that no longer fit, where there are any, else to the chart."""
        return redirect("patient-decide" if self.decides else "chart", self.patient_id)

    def context(self) -> dict[str, Any]:
        """What prescriptions/_effects.html shows."""
        return {
            "form": self.form,
            "effects": None if self.effects is None else readings.shown(self.effects),
            "refused": self.refused,
            "stale": self.stale,
            "typed_wrong": _typed_wrong(self.form),
        }


def _typed_wrong(form: BaseForm) -> list[tuple[str, str]]:
    """(label, error) of what was sent and stands in the way, for the part that is swapped alone."""
    if not form.is_bound:
        return []
    return [
        (str(form[name].label), str(errors[0])) for name, errors in form.errors.items() if name in form.fields
    ]
