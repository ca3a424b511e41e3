"""Sign-in, settings, help."""

from django.urls import path
from django.views.generic import RedirectView

from accounts import views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("settings/", views.settings_page, name="settings"),
    path("help/", views.help_page, name="help"),
    path("today/", RedirectView.as_view(pattern_name="nurse-today")),  # the address nurses type
    path("n/", RedirectView.as_view(pattern_name="nurse-today")),
    path("language/", views.language, name="set_language"),
]
