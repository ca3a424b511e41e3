"""The short name of a drug, as people say it."""

from __future__ import annotations

from patients.models import Prescription
from scheduling.rules.regimen import Regimen
from scheduling.services import doses


def drug_name(regimen: Regimen) -> str:
    """`Immune globulin IV`, of "immune globulin IV (human), 10%": no schedule, no strength."""
    name = regimen.generic.split("(")[0].split(",")[0].strip()
    return name[:1].upper() + name[1:]


def medicine_of(prescription: Prescription) -> str:
    """The same of what a prescription orders."""
    return drug_name(doses.regimen_of(prescription))
