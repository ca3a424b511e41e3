"""Form widgets of the visual language."""

from django.forms import SelectDateWidget


class DateParts(SelectDateWidget):
    """A date as three typed parts (month, day, year); ui/field.html draws it. Use it for patients and births.

    Posts <name>_month, <name>_day, <name>_year. What is not a date reaches the field as typed and is refused there.
    """

    widget_type = "dateparts"

    def value_omitted_from_data(self, data, files, name):  # type: ignore[no-untyped-def]
        """Omitted only when no part was sent at all."""
        return all(f"{name}_{part}" not in data for part in ("month", "day", "year"))
