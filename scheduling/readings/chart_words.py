"""Days, amounts and facts as the pages of the office say them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling.rules.regimen import Regimen


def day_words(on: date, *, weekday: bool = False) -> str:
    """`Jan 6, 2026`; with the weekday `Tue, Jan 6, 2026`."""
    return date_format(on, _("D, M j, Y") if weekday else _("M j, Y"))


def as_sentence(fact: str) -> str:
    """A fact as a sentence: a capital first, a full stop last, names in between left alone."""
    return fact[:1].upper() + fact[1:] + ("" if fact.endswith((".", "?", "!")) else ".")


def plain(value: Decimal) -> str:
    """A decimal as people write it: 22.5, 1,000 without zeros that say nothing."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


LABEL_STATUS = {
    "on_label": gettext_lazy("on label"),
    "off_label": gettext_lazy("off label"),
    "off_label_interval": gettext_lazy("extended interval, off label"),
    "on_label_indication_customary_dose": gettext_lazy("on label, customary dose"),
}


def label_words(regimen: Regimen) -> str:
    """Whether the regimen is what the label says, in words."""
    return str(LABEL_STATUS.get(regimen.label_status, regimen.label_status.replace("_", " ")))


PARAMETERS = {
    "cap_mg_per_m2": gettext_lazy("Lifetime limit (mg/m²)"),
    "induction_g_per_kg_per_day": gettext_lazy("Induction, g per kg a day"),
    "induction_days": gettext_lazy("Days of induction"),
    "maintenance_g_per_kg": gettext_lazy("Maintenance, g per kg"),
    "maintenance_interval_days": gettext_lazy("Days between maintenance doses"),
}


def parameter_words(name: str) -> str:
    """A parameter's name as a label of a form."""
    return str(PARAMETERS.get(name, "")) or name.replace("_", " ").capitalize()
