from django.contrib import admin

from nurses.models import Competency, Licence, Nurse, Shift, TimeOff


class Kept(admin.TabularInline):
    """Rows are ended by their last day, never deleted."""

    extra = 0

    def has_delete_permission(self, request, obj=None):
        return False


class LicenceInline(Kept):
    model = Licence


class CompetencyInline(Kept):
    model = Competency


class ShiftInline(Kept):
    model = Shift


class TimeOffInline(Kept):
    model = TimeOff


@admin.register(Nurse)
class NurseAdmin(admin.ModelAdmin):
    list_display = ("listed_name", "city", "active")
    list_filter = ("active",)
    inlines = [LicenceInline, CompetencyInline, ShiftInline, TimeOffInline]

    def has_delete_permission(self, request, obj=None):
        return False
