"""The engine over HTTP with the services of Elastic's test plugin: ``python tests/core/local/search/serve.py PORT``."""

from __future__ import annotations

import sys

import services

from ragbridge import server
from ragbridge.local import Engine


def main() -> None:
    """Serve until the process is ended."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9200
    with services.offered():
        server.serve(Engine(), port=port, on_started=lambda url: sys.stdout.write(f"{url}\n"))


if __name__ == "__main__":
    main()
