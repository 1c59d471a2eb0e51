"""How a job reads and writes: checked before anything is read."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from ragbridge.corpus.asked import Asked
from ragbridge.corpus.lines import CHUNK_COLUMNS
from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import check_number, check_whole
from ragbridge.ground.records import dataclass

OnError: TypeAlias = Literal["fail", "record"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a job reads and writes.

    Attributes:
        text_column: Where texts are.
        id_column: What each row must have; None where nothing must be there.
        columns: The columns to keep; None for all.
        vector_column: Where vectors go.
        error_column: Where it goes why a row has no vector.
        shard_rows: Rows in a shard, about.
        float16: Whether floats are written with 16 bits.
        on_error: What is done about a row that fails.
        price: Of a million tokens.
    """

    text_column: str = "text"
    id_column: str | None = None
    columns: tuple[str, ...] | None = None
    vector_column: str = "embedding"
    error_column: str = "error"
    shard_rows: int = 50_000
    float16: bool = False
    on_error: OnError = "fail"
    price: float | None = None

    def check(self, asked: Asked) -> None:
        """Refuse what contradicts itself.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        if self.on_error not in {"fail", "record"}:
            raise ConfigurationError(f"on_error={self.on_error!r} must be 'fail' or 'record'")
        shard_rows = check_whole("shard_rows", self.shard_rows, "a positive int")
        object.__setattr__(self, "shard_rows", shard_rows)
        if self.price is not None:
            price = check_number("price", self.price, "what a million tokens cost", least=0, most=1e9)
            object.__setattr__(self, "price", price)
        if self.float16 and asked.embedding_type != "float":
            raise ConfigurationError(f"float16=True: embedding_type={asked.embedding_type!r} has no floats")
        names = [self.text_column, self.vector_column, self.error_column]
        if len(set(names)) < len(names) or not all(names):
            raise ConfigurationError("text_column, vector_column and error_column must be three names")

    def made(self, asked: Asked) -> list[str]:
        """The columns that the job adds."""
        return [self.vector_column, self.error_column, *(CHUNK_COLUMNS if asked.chunker else ())]

    def described(self) -> dict[str, Any]:
        """All that the output depends on, for the manifest."""
        names = ("text_column", "columns", "vector_column", "error_column", "shard_rows", "float16")
        return {name: _plain(getattr(self, name)) for name in names}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
