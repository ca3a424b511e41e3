from django import forms
from django.contrib import admin
from django.utils.translation import gettext as _

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


class ShiftForm(forms.ModelForm):
    """Weekly hours with a break, or none."""

    class Meta:
        model = Shift
        fields = ("weekday", "starts", "ends", "break_starts", "break_ends", "from_on", "until_on")

    def clean(self):
        values = super().clean()
        first, last = values.get("break_starts"), values.get("break_ends")
        if (first is None) != (last is None):
            self.add_error("break_ends", _("A break has a beginning and an end."))
        starts, ends = values.get("starts"), values.get("ends")
        if first and last and starts and ends and not starts < first < last < ends:
            self.add_error("break_starts", _("A break lies inside the hours."))
        return values

    def _post_clean(self):
        """What `clean` said in words is not said again by the table's own constraint."""
        if not {"break_starts", "break_ends"} & set(self.errors):
            super()._post_clean()


class ShiftInline(Kept):
    model = Shift
    form = ShiftForm


class TimeOffInline(Kept):
    """Only shown: time off is recorded on the nurse's page, where the visits it touches are dealt with."""

    model = TimeOff
    fields = ("starts_at", "ends_at", "reason", "recorded_by", "withdrawn_at")

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(Nurse)
class NurseAdmin(admin.ModelAdmin):
    list_display = ("listed_name", "city", "active")
    list_filter = ("active",)
    inlines = [LicenceInline, CompetencyInline, ShiftInline, TimeOffInline]

    def has_delete_permission(self, request, obj=None):
        return False
