"""Fetches the reading font with npm into vendor-assets/, which is not kept in the repository.

The pages are complete without it: then the machine's own font is used.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@fontsource-variable/atkinson-hyperlegible-next"
VERSION = "5.3.0"
# What this very version must be, whichever registry it comes from.
INTEGRITY = "sha512-UnLzNUy1RWoLDfydAatP4NaRm99X/WbQEph7q/PymJnCFIOOwKOx3pBmp5ys8trO0dM+CKGuJgeZP9fAR4mQpA=="
WANTED = (
    "files/atkinson-hyperlegible-next-latin-wght-normal.woff2",
    "files/atkinson-hyperlegible-next-latin-ext-wght-normal.woff2",
    "LICENSE",
)
ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "vendor-assets" / "fonts"


def fetch(into: Path) -> Path:
    """The package as npm delivers it. Raises SystemExit when it is not what it must be."""
    command = ["npm", "pack", "--json", "--silent", f"{PACKAGE}@{VERSION}"]
    packed = subprocess.run(command, cwd=into, capture_output=True, text=True)
    if packed.returncode != 0:
        sys.exit(f"The font was not fetched: {(packed.stderr or packed.stdout).strip().splitlines()[-1:]}")
    archive = into / json.loads(packed.stdout)[0]["filename"]
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != INTEGRITY:
        sys.exit(f"The font was refused: {PACKAGE} {VERSION} is not the package it was.")
    return archive


def main() -> None:
    if shutil.which("npm") is None:
        print("npm is not here: the pages use the machine's own font.")
        return
    with tempfile.TemporaryDirectory() as temporary:
        archive = fetch(Path(temporary))
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as package:
            # The style sheet beside the files, so that its addresses are theirs.
            shutil.copy(ROOT / "infusion_home" / "fonts" / "fonts.css", FOLDER)
            for name in WANTED:
                content = package.extractfile(f"package/{name}")
                assert content is not None
                (FOLDER / Path(name).name).write_bytes(content.read())
    print(f"{PACKAGE} {VERSION} is in {FOLDER.relative_to(ROOT)}/.")


if __name__ == "__main__":
    main()
