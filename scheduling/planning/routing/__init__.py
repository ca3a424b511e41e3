"""Plans several nurses' days at once: the problem as plain values, the search, and what it found. Pure, no Django."""
