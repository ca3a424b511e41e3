"""Makes .venv and installs the pinned requirements. `make setup` runs it with the machine's own Python.

It must be able to say what is wrong on an older Python too, so it is written without newer syntax.
"""

import os
import subprocess
import sys

OLDEST = (3, 11)
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")


def stop(sentence):
    sys.stderr.write(f"Setup stopped: {sentence}\n")
    sys.exit(1)


def say(line):
    sys.stdout.write(line)
    sys.stdout.flush()


def check_python():
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < OLDEST:
        stop(
            f"Python 3.11 or newer is needed and {sys.executable} is {found}. "
            "Name a newer one: make demo PYTHON=python3.12"
        )
    try:
        import ensurepip  # noqa: F401  Debian leaves it out unless python3-venv is installed
        import venv  # noqa: F401
    except ImportError:
        stop(f"Python {found} has no venv module. On Debian or Ubuntu: apt-get install python3-venv")


def make_environment(python):
    quiet = subprocess.DEVNULL
    if (
        os.path.exists(python)
        and subprocess.call([python, *PIP, "--version"], stdout=quiet, stderr=quiet) == 0
    ):
        return
    say("Making .venv…\n")
    if subprocess.call([sys.executable, "-m", "venv", "--clear", ".venv"]) != 0:
        stop("the virtual environment .venv could not be made (see above).")


def pinned_count():
    count = 0
    for name in REQUIREMENTS:
        with open(name, encoding="utf-8") as lines:
            count += sum("==" in line for line in lines)
    return count


def install(python, total):
    """Runs pip, showing a count instead of its pages of output; its last lines when it fails."""
    say(f"Installing {total} pinned packages (a minute or two the first time)…\n")
    command = [python, *PIP, "install", "--progress-bar", "off", "-r", REQUIREMENTS[-1]]
    pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    step, seen, last = max(total // 4, 1), 0, []
    for raw in pip.stdout:
        line = raw.decode("utf-8", "replace").rstrip()
        last = [*last[-11:], line]
        if line.startswith("Collecting "):
            seen += 1
            if seen % step == 0:
                say(f"  {seen} of {total} fetched\n")
        elif line.startswith("Installing collected"):
            say("  unpacking\n")
    if pip.wait() != 0:
        stop("packages could not be installed. The last lines were:\n  " + "\n  ".join(last))


def main():
    check_python()
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    python = os.path.join(".venv", "bin", "python")
    try:
        make_environment(python)
        install(python, pinned_count())
        with open(os.path.join(".venv", "installed"), "w", encoding="utf-8") as stamp:
            stamp.write("requirements installed\n")
    except OSError as error:
        stop(f"{error.filename or '.venv'}: {error.strerror}.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop("interrupted; run it again to go on.")
