"""One patient with everything about them, before it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from patients.models import Contact, Measurement, Patient
from scheduling.demo.histories import Course
from scheduling.demo.staff import Prescriber
from scheduling.demo.stories import Story


@dataclass
class Chart:
    """`patient`, `contacts` and `measurements` are unsaved until `writing.store`."""

    story: Story
    patient: Patient
    contacts: list[Contact]
    measurements: list[Measurement]
    course: Course
    prescriber: Prescriber
    diagnosis: str
    prescribed_at: datetime
