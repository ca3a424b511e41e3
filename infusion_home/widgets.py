"""Form widgets of the visual language."""

from django.forms import SelectDateWidget, TextInput


class DateParts(SelectDateWidget):
    """A date as three typed parts (month, day, year), drawn by ui/field.html.

    For patients and dates of birth. Posts <name>_month, <name>_day, <name>_year; what is no date
    reaches the field as typed and is refused there.
    """

    def value_omitted_from_data(self, data, files, name):  # type: ignore[no-untyped-def]
        """Omitted only when no part was sent at all."""
        return all(f"{name}_{part}" not in data for part in ("month", "day", "year"))


class NumberText(TextInput):
    """A number typed as text with the number keys: a browser's number field loses what it cannot read."""

    def __init__(self, attrs: dict[str, str] | None = None) -> None:
        super().__init__({"inputmode": "decimal", "autocomplete": "off", **(attrs or {})})
