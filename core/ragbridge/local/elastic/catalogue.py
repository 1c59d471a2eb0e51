"""``_inference/_services``: what services there are, and the settings of each, from the tables of ``ragbridge.rules``.

The shape is ``InferenceServiceConfiguration``'s, as Kibana's forms read it. Elasticsearch has more services, and sentences for
people that describe each setting, which are left out here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.rules import RULES
from ragbridge.rules.table import count, flag, secret

if TYPE_CHECKING:
    from ragbridge.rules.table import Reader, ServiceRules, Setting

NAMES = {
    "jinaai": "Jina AI",
    "elasticsearch": "Elasticsearch",
    "elastic": "Elastic",
    "openai": "OpenAI",
    "cohere": "Cohere",
}
"""What people call a service."""
_TYPES: dict[Reader, str] = {count: "int", flag: "bool"}
_RATE_LIMIT = "rate_limit"


def services(task_type: str | None) -> list[dict[str, Any]]:
    """All of them, or those that have a task type, sorted by name."""
    return [
        _described(RULES[name])
        for name in sorted(RULES)
        if task_type is None or task_type in RULES[name].tasks
    ]


def _described(rules: ServiceRules) -> dict[str, Any]:
    return {
        "service": rules.name,
        "name": NAMES.get(rules.name, rules.name),
        "task_types": list(rules.tasks),
        "configurations": dict(_setting(rules, row) for row in rules.service_settings),
    }


def _setting(rules: ServiceRules, row: Setting) -> tuple[str, dict[str, Any]]:
    limit = row.name == _RATE_LIMIT
    name = f"{_RATE_LIMIT}.requests_per_minute" if limit else row.name
    return name, {
        "label": row.name.replace("_", " ").capitalize(),
        "required": row.required,
        "sensitive": row.read is secret,
        "updatable": row.changeable,
        "type": "int" if limit else _TYPES.get(row.read, "str"),
        "supported_task_types": list(row.tasks or rules.tasks),
    }
