"""`python -m infusion_home.probe`: exit code 0 when the web process here answers /healthz with 200; or another path.

For a container's health check. It names a host the settings allow, as the address alone would be refused.
"""

from __future__ import annotations

import http.client
import os
import sys
from http import HTTPStatus


def main() -> int:
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip() or "localhost"
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8000), timeout=5)
    try:
        connection.request("GET", (sys.argv[1:] or ["/healthz"])[0], headers={"Host": host.lstrip(".")})
        answer = connection.getresponse()
        sys.stdout.write(answer.read(500).decode("utf-8", "replace") + "\n")
    except OSError as error:
        sys.stdout.write(f"no answer: {error}\n")
        return 1
    return 0 if answer.status == HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main())
