"""Reference data only. Clinical rows are written by services and shown here read-only where it helps."""

from django.contrib import admin

from scheduling.models import Event, Site


@admin.register(Site)
class SiteAdmin(admin.ModelAdmin):
    list_display = ("name", "code", "authorization_number", "expires_on", "covers_homes")

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Event)
class EventAdmin(admin.ModelAdmin):
    """The audit trail: to read, to filter, never to change."""

    list_display = ("at", "actor", "role", "action", "subject", "why", "origin")
    list_filter = ("action", "role")
    date_hierarchy = "at"

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
