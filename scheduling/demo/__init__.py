"""Invented people and charts for trying the product out. Importing this needs no database and no Django."""

PASSPHRASE = "demo-home-2026"  # noqa: S105  printed at the end of `make demo`; production refuses the demo data

# (role, user name, password) of the people a tester signs in as.
SIGN_INS = [
    ("Coordinator", "coordinator", PASSPHRASE),
    ("Nurse", "nurse", PASSPHRASE),
    ("Patient", "patient", PASSPHRASE),
    ("Clinical lead", "lead", PASSPHRASE),
    ("Administrator", "admin", PASSPHRASE),
]
