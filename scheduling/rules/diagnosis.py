"""Does the diagnosis code fit the drug, and is it billable on the day of service? Warnings only; ICD-10-CM codes."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from scheduling.rules.regimen import Regimen

# ICD-10-CM 2026 split G35: from this service date on, the bare codes are headers and no longer billable.
SPLIT_ON = date(2025, 10, 1)
HEADERS = frozenset({"G35", "G35.B", "G35.C"})
# Primary progressive MS, and secondary progressive MS without activity: not a relapsing form.
PROGRESSIVE = ("G35.B", "G35.C2")


class DiagnosisProblem(NamedTuple):
    """`code` is stable; `remedy` may be empty. None of it stands in the way."""

    code: str
    text: str
    remedy: str = ""


def problems(diagnosis_code: str, regimen: Regimen, service_on: date) -> list[DiagnosisProblem]:
    """What is wrong with the code for this drug on a day of service; nothing for an empty code."""
    code = diagnosis_code.strip().upper()
    found = []
    if regimen.relapsing_only and code.startswith(PROGRESSIVE):
        text = f"{code} does not fit: this regimen is for {regimen.indication}."
        found.append(DiagnosisProblem("DIAGNOSIS_NOT_INDICATED", text))
    if code in HEADERS and service_on >= SPLIT_ON:
        found.append(
            DiagnosisProblem(
                "DIAGNOSIS_HEADER",
                f"{code} alone is not billable since Oct 1, 2025.",
                "Use G35.A, G35.B0 to B2, G35.C0 to C2 or G35.D.",
            )
        )
    elif code.startswith("G35.") and service_on < SPLIT_ON:
        found.append(
            DiagnosisProblem(
                "DIAGNOSIS_NOT_YET", f"{code} counts from Oct 1, 2025 on.", "Use G35 for an earlier service."
            )
        )
    elif code and not code.startswith("G35") and "MS" in regimen.indication:
        text = f"{code} is not a code for MS; this regimen is for {regimen.indication}."
        found.append(DiagnosisProblem("DIAGNOSIS_NOT_MS", text))
    return found
