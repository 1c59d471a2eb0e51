"""The command ``ragbridge``: demo, search, embed, chunk, serve, models, limits, doctor, cache, elastic.

Results go to standard output, everything else to standard error. Exit codes: 0, 1 for an error that the message names,
2 for wrong usage or a missing extra, 3 for rows that failed (embed), 130 after ctrl-C.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit. Only this function needs typer and rich."""
    # The embedded engine multiplies small matrices, for which several threads cost more than they bring (demo on 2 busy
    # cores: half the processor time with one). Must be set before NumPy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ragbridge.cli.streams import finish, prepare

    try:
        prepare()
        _run()
    except KeyboardInterrupt:
        sys.exit(finish(130))  # 128 + SIGINT, as shells count


def _run() -> None:
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError as error:
        sys.stderr.write(f'ragbridge: the command line needs {error.name}: pip install "ragbridge[cli]"\n')
        sys.exit(2)
    from ragbridge.cli.app import run

    run()
