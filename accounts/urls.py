"""Sign-in, settings, help."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("settings/", views.settings_page, name="settings"),
    path("help/", views.help_page, name="help"),
    path("language/", views.language, name="set_language"),
]
