"""The best times for a dose, a course or a check: what pages and the API ask, found and put into words.

Found in readings/slot_search.py and readings/course_slots.py, told in readings/slot_words.py.
"""

from __future__ import annotations

from scheduling.readings.course_slots import CourseFinding, course_cards, course_shown, find_course
from scheduling.readings.slot_search import MOST_DAYS, Finding, Lost, days_of, find, find_for_check, stretch
from scheduling.readings.slot_words import WHY_NOT, cards, moment_shown, reasons, ruled_out_words, shown

__all__ = [
    "MOST_DAYS",
    "WHY_NOT",
    "CourseFinding",
    "Finding",
    "Lost",
    "cards",
    "course_cards",
    "course_shown",
    "days_of",
    "find",
    "find_course",
    "find_for_check",
    "moment_shown",
    "reasons",
    "ruled_out_words",
    "shown",
    "stretch",
]
