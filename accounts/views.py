"""The front door: signing in and out, each role's first page, settings, help."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.i18n import set_language

from accounts import services
from accounts.forms import SettingsForm, SignInForm
from accounts.models import Role

FIRST_PAGE = {Role.NURSE.value: "nurse-today", Role.PATIENT.value: "my-home"}  # everybody else: the queue
FRAMES = {Role.NURSE.value: "base_nurse.html", Role.PATIENT.value: "base_patient.html"}
CHOSEN_LANGUAGE = "chosen_language"


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Sends each role to its first page."""
    return redirect(FIRST_PAGE.get(request.user.role, "queue"))


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class SignIn(LoginView):
    """User name and password; the session key changes, `next` is followed within this site only.

    Wrong: the page again (422). After too many tries: accounts.lockout answers instead (429).
    """

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            session_ended=self.request.GET.get("ended", ""),
            sign_ins=_demo_sign_ins(),
            **kwargs,
        )

    def form_valid(self, form: SignInForm) -> HttpResponse:
        # Chosen on the sign-in page a moment ago: it wins over what was saved before.
        chosen = self.request.session.pop(CHOSEN_LANGUAGE, "")
        user = form.get_user()
        if chosen and chosen != user.language and user.role == Role.PATIENT:
            services.prefer(user, language=chosen)
            _tell_language(self.request, chosen)
        return super().form_valid(form)

    def form_invalid(self, form: Form) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends the session and asks the browser to forget the pages it kept."""
    logout(request)
    messages.success(request, _("You are signed out."))
    response = redirect("sign-in")
    response["Clear-Site-Data"] = '"cache"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def settings_page(request: HttpRequest) -> HttpResponse:
    """Theme, text size; a patient's language, the office's shortcuts: saved on every device."""
    form, status = SettingsForm(request.POST or None, instance=request.user), 200
    if request.method == "POST":
        if form.is_valid():
            changed = {name: form.cleaned_data[name] for name in form.changed_data}
            services.prefer(request.user, **changed)
            with translation.override(request.user.reads):
                messages.success(request, _("Settings saved."))
            if "language" in changed:
                _tell_language(request, request.user.reads)
            return redirect("settings")
        status = 422
        request.user.refresh_from_db()  # the frame around the errors keeps the saved theme
    return render(request, "accounts/settings.html", {"form": form, "frame": _frame(request)}, status=status)


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """Who to call; for the office also what the marks mean. Open to everybody."""
    office = request.user.is_authenticated and request.user.is_office
    return render(request, "accounts/help.html", {"frame": _frame(request), "office": office})


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Switch the language: a cookie for this browser, and saved for a patient, for messages and calls too.

    Who works here reads English: for them only the way back is left.
    """
    chosen = services.known_language(request.POST.get("language"))
    if chosen and request.user.is_authenticated:
        if request.user.role == Role.PATIENT:
            services.prefer(request.user, language=chosen)
            _tell_language(request, chosen)
    elif chosen:
        request.session[CHOSEN_LANGUAGE] = chosen
    return set_language(request)


def _tell_language(request: HttpRequest, chosen: str) -> None:
    """Say in the language chosen that messages and calls follow it: each translation names itself."""
    with translation.override(chosen):
        messages.success(request, _("From now on we also write and call you in English."))


def _frame(request: HttpRequest) -> str:
    if not request.user.is_authenticated:
        return FRAMES[Role.PATIENT.value]
    return FRAMES.get(request.user.role, "base_staff.html")


def _demo_sign_ins() -> list[tuple[str, str, str]]:
    """Who a visitor of the demo may be; empty everywhere else."""
    if settings.MODE != "demo":
        return []
    # By name, as the supervisor does: this app does not depend on the one that has the demo's data.
    # The roles are those of accounts.models, so their words are translated.
    return [(_(role), name, word) for role, name, word in import_module("scheduling.demo").SIGN_INS]
