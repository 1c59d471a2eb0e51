"""In which form answers with vectors are asked for: CBOR where it works, JSON everywhere else.

A vector of 1,024 is 5.1 KB of CBOR and 12.7 KB of JSON, and is read in a twentieth of the time. Every REST route of
Elasticsearch answers in the form that ``Accept`` names, refusals too; what stands in front of it may not.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from ragbridge.errors import ConfigurationError, InvalidRequestError
from ragbridge.ground.cbor import installed, is_cbor

if TYPE_CHECKING:
    from ragbridge.flow import Response

log = logging.getLogger("ragbridge")

AnswerFormat: TypeAlias = Literal["auto", "cbor", "json"]
"""What a client asks for: CBOR as long as it works, CBOR whatever happens, or never."""

JSON = "application/json"
CBOR = "application/cbor"

_UNACCEPTABLE = frozenset({406, 415})
_BAD_TYPE = "media_type_header_exception"
"""What Elasticsearch calls an ``Accept`` that it cannot serve (``RestController``), with 400 or 406."""


class Formats:
    """What one client asks for, and what it has learnt from the answers.

    Args:
        wanted: The client's setting.

    Raises:
        ConfigurationError: ``wanted`` is none, or ``"cbor"`` cannot be read here.
    """

    def __init__(self, wanted: AnswerFormat) -> None:
        if wanted not in get_args(AnswerFormat):
            raise ConfigurationError(
                f"answer_format={wanted!r} must be 'auto' (CBOR where it works), 'cbor' or 'json'"
            )
        can = wanted != "json" and installed()
        if wanted == "cbor" and not can:
            raise ConfigurationError(
                "answer_format='cbor' needs cbor2: pip install \"ragbridge[speed]\"; 'auto' does without it"
            )
        self._forced = wanted == "cbor"
        self._packed = can

    @property
    def accept(self) -> str:
        """The media type to ask for now."""
        return CBOR if self._packed else JSON

    def heed(self, response: Response) -> None:
        """Look at the form of a success to a request that asked for CBOR: anything else ends asking for it.

        The answer is read all the same: it is paid for.
        """
        came = is_cbor(response.body)
        if not came or "cbor" not in response.headers.get("content-type", ""):
            self.doubt(
                "an answer in JSON" if not came else "an answer in CBOR that calls itself something else"
            )

    def doubt(self, why: str) -> None:
        """Something was odd about CBOR here: from now on JSON is asked for."""
        if self._packed and not self._forced:
            log.info("vectors are asked for as JSON from now on: %s", why)
            self._packed = False

    def is_refused(self, error: InvalidRequestError) -> bool:
        """Whether ``error`` is about the media type, so that JSON may be taken. Nothing was billed."""
        return not self._forced and (error.status in _UNACCEPTABLE or error.code == _BAD_TYPE)
