"""Routes for the office: all nurses of a day, one nurse's day, publishing, and another order."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nurses.models import Nurse
from scheduling import clock, selectors
from scheduling.forms.fields import refuse, sentence
from scheduling.forms.routes import SaveOrderForm, start_choices, wish_of
from scheduling.readings import route_desk, route_order
from scheduling.rules.errors import Conflict, Refused
from scheduling.services import events, reorder, routes, travel

A_DAY = timedelta(days=1)


@require_safe
@selectors.office_only
def route_list(request: HttpRequest) -> HttpResponse:
    """All nurses of the day ?on= (today unless it can be read). Names no patient."""
    today = clock.today_in(settings.AGENCY_TIME_ZONE)
    on = _day(request.GET.get("on", ""), today)
    context = {
        "section": "board",
        "found": route_desk.routes_of(request.user, on, today=today),
        "on": on,
        "today": today,
        "earlier": _list_url(on - A_DAY),
        "later": _list_url(on + A_DAY),
        "today_url": reverse("routes"),
        "roads": travel.state(),
    }
    return render(request, "scheduling/routes/list.html", context)


@require_POST
@selectors.office_only
def publish_all(request: HttpRequest, on: date) -> HttpResponse:
    """Publish every nurse's day that has something new; back to the list (302)."""
    _in_calendar(on)
    try:
        told = routes.publish_day(on=on, by=request.user)
    except Refused as no:
        messages.error(request, sentence(no))
    else:
        said = ngettext("Published to %(n)d nurse.", "Published to %(n)d nurses.", len(told))
        messages.success(request, said % {"n": len(told)} if told else _("Everything was published already."))
    return redirect(_list_url(on))


@require_POST
@selectors.office_only
def publish(request: HttpRequest, nurse_id: int, on: date) -> HttpResponse:
    """Publish one nurse's day; back to it (302), or to the list when the button stood there."""
    nurse = _nurse(request, nurse_id)
    _in_calendar(on)
    try:
        version = routes.publish(nurse_id=nurse.pk, on=on, by=request.user)
    except Refused as no:
        messages.error(request, sentence(no))
    else:
        said = {"nurse": nurse.listed_name, "n": version.version}
        messages.success(request, _("Published to %(nurse)s, version %(n)d.") % said)
    back = _list_url(on) if request.POST.get("from") == "list" else _day_url(nurse, on)
    return redirect(back)


@require_safe
@selectors.office_only
def route_day(request: HttpRequest, nurse_id: int, on: date) -> HttpResponse:
    """One nurse's day: stops with all times, warnings, the picture, a print, what was published. ?map=1 shows a map."""
    nurse = _nurse(request, nurse_id)
    _in_calendar(on)
    found = route_desk.day_of(request.user, nurse, on)
    places = found.places
    if travel.warm_route(places):  # what was told just now counts on this page already
        found = route_desk.day_of(request.user, nurse, on)
    road = travel.road_line(places)
    # Name, address, drug and phone number of every stop are on this page.
    events.charts_read(found.charts, by=request.user, what=f"route of {on.isoformat()}")
    context = {
        "section": "board",
        "found": found,
        "day": found.day,
        "nurse": nurse,
        "on": on,
        "earlier": _day_url(nurse, on - A_DAY),
        "later": _day_url(nurse, on + A_DAY),
        "list_url": _list_url(on),
        "line": road.line if road else (),
        "straight": travel.on() and road is None,
        **_map(request),
    }
    return render(request, "scheduling/routes/day.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@selectors.office_only
def order(request: HttpRequest, nurse_id: int, on: date) -> HttpResponse:
    """What another order does (GET, the order in the address), or it is saved (POST): 409 when it is not what was
    shown any more or a time is taken, 422 for a rule; either shows the effect as it is now."""
    nurse = _nurse(request, nurse_id)
    _in_calendar(on)
    day = route_desk.day_of(request.user, nurse, on)
    present = [stop.visit.pk for stop in day.day.stops if stop.visit.live]
    # Also before saving: what is refused shows the same names and times again.
    events.charts_read(day.charts, by=request.user, what=f"order of {on.isoformat()}")
    data = request.POST if request.method == "POST" else request.GET
    wish = wish_of(data, present, on, nurse.time_zone)
    places = reorder.roads_between(nurse, [stop.visit for stop in day.day.stops])
    travel.warm(places, places)
    try:
        shown = route_order.shown(nurse, on, wish, by=request.user)
    except Conflict as no:
        messages.error(request, sentence(no))
        return redirect(_day_url(nurse, on))
    if request.method == "POST":
        return _save(request, nurse, on, shown)
    return _order_page(request, nurse, on, shown, SaveOrderForm(asks=shown.effect.asks))


def _save(request: HttpRequest, nurse: Nurse, on: date, shown: route_order.Shown) -> HttpResponse:
    """The day (302), or the effect again with what stands in the way."""
    form, status = SaveOrderForm(request.POST, asks=shown.effect.asks), 422
    if form.is_valid():
        try:
            moved = reorder.reorder(
                nurse_id=nurse.pk,
                on=on,
                wish=shown.wish,
                shown=request.POST.get("shown", ""),
                by=request.user,
                **form.for_service(),
            )
        except Refused as no:
            status = refuse(form, _named(no, shown))
        else:
            said = ngettext(
                "Saved: %(n)d visit has a new time.", "Saved: %(n)d visits have new times.", len(moved)
            )
            messages.success(request, said % {"n": len(moved)})
            return redirect(_day_url(nurse, on))
    return _order_page(request, nurse, on, shown, form, status)


def _order_page(
    request: HttpRequest,
    nurse: Nurse,
    on: date,
    shown: route_order.Shown,
    form: SaveOrderForm,
    status: int = 200,
) -> HttpResponse:
    context = {
        "section": "board",
        "nurse": nurse,
        "on": on,
        "shown": shown,
        "form": form,
        "starts": start_choices(),
        "start": request.POST.get("start") or request.GET.get("start", ""),
        "day_url": _day_url(nurse, on),
    }
    return render(request, "scheduling/routes/order.html", context, status=status)


def _named(no: Refused, shown: route_order.Shown) -> Refused:
    """The refusal with the patient it is about in front."""
    name = next((x.visit.patient.listed_name for x in shown.lines if x.visit.pk == no.visit_id), "")
    return type(no)(f"{name}: {sentence(no)}", code=no.code, field=no.field, codes=no.codes) if name else no


def _map(request: HttpRequest) -> dict[str, Any]:
    """Tiles only for who asks for them, where there are any."""
    server = settings.MAP_TILE_URL
    host = server.split("/")[2] if server else ""
    return {
        "may_map": bool(server),
        "tiles": server if request.GET.get("map") == "1" else "",
        "tile_host": host,
        "credit": settings.MAP_TILE_ATTRIBUTION or host,
    }


def _nurse(request: HttpRequest, nurse_id: int) -> Nurse:
    """The nurse, working or not; not found for a guessed id."""
    return get_object_or_404(selectors.nurses_for(request.user), pk=nurse_id)


def _in_calendar(on: date) -> None:
    """Not found for a day whose neighbours no calendar can draw."""
    if not 2000 <= on.year <= 2100:
        raise Http404


def _day(said: str, today: date) -> date:
    """The day of the address; today for anything else."""
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return today
    return day if 2000 <= day.year <= 2100 else today


def _list_url(on: date) -> str:
    return f"{reverse('routes')}?{urlencode({'on': on.isoformat()})}"


def _day_url(nurse: Nurse, on: date) -> str:
    return reverse("route-day", args=[nurse.pk, on])
