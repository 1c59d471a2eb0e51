"""What a limiter says of its limit, wherever the quota is kept."""

from __future__ import annotations

from ragbridge.errors import ConfigurationError
from ragbridge.limiter.limits import RateLimit

SHARE = 0.013  # of the token quota that one request should carry: less fragments, more leaves room unused
SLACK = 1.5  # times the tokens at which requests would run out before tokens do


class Limited:
    """Base of limiters: what follows from the limit alone."""

    _limit: RateLimit

    @property
    def concurrency(self) -> int | None:
        """Requests in flight at most, of all who share the quota; None if not limited."""
        return self._limit.concurrency

    @property
    def capacity(self) -> float | None:
        """Tokens that one request may have at all: those of a window; None: not limited."""
        return self._limit.tokens_per_window

    @property
    def request_budget(self) -> float | None:
        """About 1.3 % of the tokens of a window, or more where requests would run out first; None: not limited."""
        tokens, requests = self._limit.tokens_per_window, self._limit.requests_per_window
        if tokens is None:
            return None
        return min(tokens, max(SHARE * tokens, SLACK * tokens / requests if requests else 0.0))

    def _check_fits(self, tokens: float) -> None:
        """Refuse a request that would wait for ever.

        Raises:
            ConfigurationError: It is larger than a window's tokens.
        """
        fits = self._limit.tokens_per_window
        if fits is not None and not tokens <= fits:
            raise ConfigurationError(
                f"a request of about {tokens:.0f} tokens can never fit into {fits:g} tokens per "
                f"{self._limit.window:g} s: send less at once, or raise tokens_per_minute in limits= if the account allows"
            )
