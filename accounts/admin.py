from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from accounts.models import User


@admin.register(User)
class PersonAdmin(UserAdmin):
    """People and roles; nobody is deleted, only deactivated."""

    list_display = ("username", "role", "first_name", "last_name", "is_active")
    list_filter = ("role", "is_active")
    search_fields = ("username",)  # a search is in the address: no names of people there
    fieldsets = (
        *UserAdmin.fieldsets,
        ("Infusion Home", {"fields": ("role", "theme", "text_size")}),
    )
    add_fieldsets = (*UserAdmin.add_fieldsets, (None, {"fields": ("role",)}))

    def has_delete_permission(self, request, obj=None):
        return False
