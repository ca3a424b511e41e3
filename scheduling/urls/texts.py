"""What messages say and when they go. All below /staff/."""

from django.urls import path

from scheduling.views import texts

urlpatterns = [
    path("notices/texts/", texts.wordings, name="notice-texts"),
    path("notices/texts/<slug:kind>/<slug:channel>/<slug:language>/", texts.wording, name="notice-text"),
    path("notices/settings/", texts.settings_page, name="notice-settings"),
]
