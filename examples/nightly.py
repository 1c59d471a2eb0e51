"""A job for every night: embeds what is new in a file of texts, and goes on where an interrupted run ended.

    pip install "ragbridge[local,parquet]"
    python nightly.py articles.jsonl vectors/

Each night's vectors go into a folder of their own, ``vectors/2026-11-29``. Answers are kept in ``vectors/answers.db``: a text
that has not changed costs nothing. Run it again after an interruption, be it a power cut: it goes on, and pays for nothing
twice. It ends with 0 if all is well, with 1 if rows have no vector, and with 75 if another run may succeed.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import sys
from pathlib import Path

from ragbridge import Jina, RagbridgeError, corpus

TRY_AGAIN = 75
"""What cron jobs and systemd's ``RestartForceExitStatus=`` know as a failure that may pass (``EX_TEMPFAIL``)."""

log = logging.getLogger("nightly")


def run(source: str, out: Path, *, day: dt.date) -> int:
    """Embed ``source`` into the folder of a day, and return the status to end with."""
    out.mkdir(parents=True, exist_ok=True)
    settings = {"limits": "paid"} if "JINA_API_KEY" in os.environ else {"base_url": "local"}
    with Jina(cache=out / "answers.db", **settings) as jina:
        try:
            log.info("to do: %s", corpus.estimate(source, client=jina))
            report = corpus.embed(source, out / day.isoformat(), client=jina, on_error="record")
        except RagbridgeError as error:
            log.exception("The job is not done.")
            return TRY_AGAIN if error.retryable else 1
    log.info("%s", report)
    return 1 if report.failed else 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    source, out = sys.argv[1:]
    sys.exit(run(source, Path(out), day=dt.datetime.now(dt.UTC).date()))
