"""Elasticsearch's own rules. The client and the embedded engine read the same ones."""

from __future__ import annotations

from typing import Final

from ragbridge.rules import cohere, eis, elasticsearch, jinaai, openai
from ragbridge.rules.table import ServiceRules

RULES: Final[dict[str, ServiceRules]] = {
    rules.name: rules for rules in (jinaai.RULES, elasticsearch.RULES, eis.RULES, openai.RULES, cohere.RULES)
}
