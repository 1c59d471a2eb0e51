"""Pruning of sparse queries: tokens that are both frequent and light are left out (``WeightedTokensUtils``).

Fields of indexes made by 9.1 or later prune unless they or a query say otherwise (``SparseVectorIndexOptions``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import bad_argument
from ragbridge.local.search.reading import OBJECT, Body, flag

if TYPE_CHECKING:
    from ragbridge.local.search.mapping import Field
    from ragbridge.local.search.view import View


@dataclass(frozen=True, slots=True)
class Pruning:
    """Which tokens are left out.

    Attributes:
        ratio: From how many times the mean frequency on a token is frequent.
        weight: Up to which share of the greatest weight a token is light.
        pruned_only: Whether only these count instead.
    """

    ratio: float = 5.0
    weight: float = 0.4
    pruned_only: bool = False

    def kept(self, view: View, path: str, tokens: Mapping[str, float]) -> dict[str, float]:
        """The tokens that stay."""
        held = view.sparse(path).tokens
        heaviest = max(tokens.values(), default=0.0)
        mean = held.mean_frequency
        kept = {}
        for token, weight in tokens.items():
            frequency = held.frequency(token)
            keep = frequency > 0 and (frequency < self.ratio * mean or weight > self.weight * heaviest)
            if keep != self.pruned_only:
                kept[token] = weight
        return kept


def read_pruning(body: Body) -> tuple[bool | None, Pruning | None]:
    """``prune`` and ``pruning_config`` of a query, or of a field's ``index_options``.

    Raises:
        Failure: 400, they do not go together, or a threshold is out of bounds.
    """
    prune, config = body.any("prune"), body.any("pruning_config")
    if prune is not None:
        prune = flag(body.name, "prune", prune)
    if config is not None and prune is not True:
        raise bad_argument("[pruning_config] should only be set if [prune] is set to true")
    if config is None:
        return prune, None
    inner = Body("pruning_config", config, refusal=OBJECT)
    pruning = Pruning(
        ratio=inner.number("tokens_freq_ratio_threshold", 5.0),
        weight=inner.number("tokens_weight_threshold", 0.4),
        pruned_only=inner.flag("only_score_pruned_tokens", False),
    )
    inner.end()
    if not 1 <= pruning.ratio <= 100:
        raise bad_argument(
            f"[tokens_freq_ratio_threshold] must be between [1] and [100], got [{pruning.ratio}]"
        )
    if not 0 <= pruning.weight <= 1:
        raise bad_argument("[tokens_weight_threshold] must be between 0 and 1")
    return prune, pruning


def pruning_of(field: Field, prune: bool | None = None, own: Pruning | None = None) -> Pruning | None:
    """What a query leaves out in a field; None for nothing.

    Args:
        field: A ``sparse_vector`` or ``semantic_text`` field.
        prune: What the query says; None where it says nothing.
        own: The query's thresholds, if it has any.
    """
    options = field.parameters.get("index_options")
    if field.type == "semantic_text" and isinstance(options, Mapping):
        options = options.get("sparse_vector")
    declared = read_pruning(Body("index_options", options)) if isinstance(options, Mapping) else (None, None)
    if (declared[0] if prune is None else prune) is False:
        return None
    return own or declared[1] or Pruning()
