"""Writes ``elasticsearch.json``: what Elasticsearch's API descriptions say of the requests that tests judge.

Only structure is kept: paths, parameters, fields, types, what is required, enumerations. Give it the folder that the two
published descriptions are in: ``python tests/data/make_descriptions.py FOLDER``.

What is written are JSON schemas that take no name they do not know. OpenAPI's objects take any further name, so that a
mistyped one would pass. Where a value is described by reference, it may hold what is described and nothing else.
``nullable`` becomes a type. Bounds on the number of properties that stand in one part of an ``allOf`` are dropped: they
are meant for that part's own and would count the others' too. ``oneOf`` becomes ``anyOf``: unions such as "a text, or a
text or null" would refuse what fits twice.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

FILE = Path(__file__).parent / "elasticsearch.json"
SOURCES = ("elasticsearch-inference.openapi.json", "elasticsearch-search.openapi.json")
OPERATIONS = (
    "POST /_inference/embedding/{inference_id}",
    "POST /_inference/rerank/{inference_id}",
    "PUT /_inference/{task_type}/{cohere_inference_id}",
    "PUT /_inference/{task_type}/{elasticsearch_inference_id}",
    "PUT /_inference/{task_type}/{jinaai_inference_id}",
    "PUT /_inference/{task_type}/{openai_inference_id}",
    "PUT /{index}",
    "POST /{index}/_bulk",
    "POST /{index}/_search",
)
ACTION = "_global.bulk.OperationContainer"
"""What is judged of a bulk request: its body is described as a list of anything."""
TYPES = ("inference._types.TaskType", ACTION)
"""Types that tests ask for by name."""
KINDS = {
    "": {  # a request's own body
        *("_source", "collapse", "fields", "from", "highlight", "knn", "mappings", "min_score", "query"),
        *("retriever", "size", "sort", "terminate_after", "timeout", "track_scores", "track_total_hits"),
    },
    "_types.RetrieverContainer": {
        *("diversify", "knn", "linear", "pinned", "rescorer", "rrf", "rule", "standard"),
        "text_similarity_reranker",
    },
    "_types.mapping.TypeMapping": {"dynamic", "properties", "_meta"},
    "_types.query_dsl.QueryContainer": {
        *("bool", "exists", "ids", "knn", "match", "match_all", "multi_match", "nested", "range", "semantic"),
        *("sparse_vector", "term", "terms"),
    },
}
"""Objects with more kinds than tests use: of the others the name is kept, and the content is left open."""
OPEN = {
    "_global.search._types.FieldCollapse",
    "_global.search._types.InnerHits",
    "_global.search._types.LearningToRank",
    "_global.search._types.ScriptRescore",
    "_types.Script",
    "_types.Sort",
    "_types.analysis.Analyzer",
    "_types.mapping.TextIndexPrefixes",
    "_types.query_dsl.RangeQuery",
}
"""Types that are left open: no test looks into them."""
PROPERTY = "_types.mapping.Property"
FIELDS = {
    f"_types.mapping.{kind}Property"
    for kind in ("DenseVector", "Keyword", "RankVector", "SemanticText", "SparseVector", "Text")
}
"""The kinds of fields that are kept."""
BOUNDS = {"maxProperties", "minProperties"}
STRUCTURE = BOUNDS | {
    *("$ref", "additionalProperties", "allOf", "anyOf", "enum", "items", "oneOf", "properties", "required"),
    "type",
}
"""What is kept of a schema."""


@dataclass
class Description:
    """One published description; ``whole`` keeps what no test looks into."""

    source: Mapping[str, Any]
    whole: bool = False
    schemas: Mapping[str, Schema] = field(init=False)

    def __post_init__(self) -> None:
        self.schemas = self.source["components"]["schemas"]

    def operation(self, name: str) -> Schema:
        """Names of its parameters in the query, the body of a request, the body of the answer."""
        method, path = name.lower().split(" ", 1)
        found = self.source["paths"][path][method]
        parameters = [self.deref(one) for one in found["parameters"]]
        body = self.content(found["requestBody"])
        answer = self.content(found["responses"]["200"])
        facts: Schema = {"parameters": sorted(one["name"] for one in parameters if one["in"] == "query")}
        facts["body"] = (
            {"$ref": f"#/$defs/{ACTION}"} if path.endswith("_bulk") else self.value(self.body(body))
        )
        if path.startswith("/_inference"):
            facts["answer"] = self.value(answer)
        return facts

    def deref(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in found:
            *_, kind, name = found["$ref"].split("/")
            found = self.source["components"][kind][name]
        return found

    def content(self, found: Mapping[str, Any]) -> Schema:
        (content,) = self.deref(found)["content"].values()
        schema: Schema = content["schema"]
        return schema

    def body(self, schema: Schema) -> Schema:
        """A request's own body, with the content of what no test sends left open."""
        return self.narrow("", schema) if KINDS[""] & {*schema.get("properties", ())} else schema

    def narrow(self, name: str, schema: Schema) -> Schema:
        if self.whole:
            return schema
        if name == PROPERTY:
            return {"oneOf": [one for one in schema["oneOf"] if one["$ref"].rpartition("/")[2] in FIELDS]}
        if name not in KINDS:
            return schema
        properties = {key: inner if key in KINDS[name] else {} for key, inner in schema["properties"].items()}
        return {**schema, "properties": properties}

    def type(self, name: str) -> Schema:
        """A named type, open: others may add to it."""
        return self.component(self.narrow(name, self.schemas[name]))

    def is_object(self, schema: Mapping[str, Any]) -> bool:
        schema = self.deref(schema)
        if schema.get("additionalProperties"):
            return False
        return "properties" in schema or any(map(self.is_object, schema.get("allOf", ())))

    def value(self, schema: Schema) -> Schema:
        """A whole value, closed."""
        if len(schema.get("allOf", ())) == 1 and not {"type", "properties"} & {*schema}:
            (schema,) = schema["allOf"]  # OpenAPI's way of giving a reference a description
        found = self.component(schema)
        if schema.get("nullable") and isinstance(found.get("type"), str):
            found["type"] = [found["type"], "null"]
        closed = found and self.is_object(schema)
        return {**found, "unevaluatedProperties": False} if closed else found

    def part(self, schema: Schema) -> Schema:
        """A part of an object, open: others belong to it."""
        bounds = set() if "$ref" in schema else BOUNDS
        return self.component({key: inner for key, inner in schema.items() if key not in bounds})

    def component(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return {} if name in OPEN and not self.whole else {"$ref": f"#/$defs/{name}"}
        kept = {key: self.walk(key, inner) for key, inner in schema.items() if key in STRUCTURE}
        if "oneOf" in kept:
            kept["anyOf"] = kept.pop("oneOf")
        return kept

    def walk(self, key: str, found: Any) -> Any:
        if key == "properties":
            return {name: self.value(schema) for name, schema in found.items()}
        if key in {"items", "additionalProperties"} and isinstance(found, dict):
            return self.value(found)
        if key in {"oneOf", "anyOf"}:
            return [self.value(schema) for schema in found]
        if key == "allOf":
            return [self.part(schema) for schema in found]
        return found


def references(found: Any) -> Iterator[str]:
    """The types that something refers to."""
    if isinstance(found, dict):
        if isinstance(name := found.get("$ref"), str):
            yield name.rpartition("/")[2]
        for inner in found.values():
            yield from references(inner)
    elif isinstance(found, list):
        for inner in found:
            yield from references(inner)


def facts(folder: Path, *, whole: bool = False) -> Schema:
    """What the descriptions in a folder say; ``whole`` keeps what no test looks into."""
    descriptions = [Description(json.loads((folder / name).read_text("utf-8")), whole) for name in SOURCES]
    operations, types = {}, {}
    for name in OPERATIONS:
        (source,) = (one for one in descriptions if name.split()[1] in one.source["paths"])
        operations[name] = source.operation(name)
    todo = [*TYPES, *references(operations)]
    while todo:
        if (name := todo.pop()) not in types:
            (types[name], *others) = (one.type(name) for one in descriptions if name in one.schemas)
            if any(other != types[name] for other in others):
                raise ValueError(f"the descriptions differ in {name}")
            todo += references(types[name])
    versions = {
        name.partition(".")[0]: one.source["info"]["version"]
        for name, one in zip(SOURCES, descriptions, strict=True)
    }
    return {"versions": versions, "operations": operations, "$defs": dict(sorted(types.items()))}


def main(folder: Path) -> None:
    """Write the file, a line for each operation and type."""
    lines = []
    for key, group in facts(folder).items():
        inner = ",\n".join(
            f"{json.dumps(name)}:{json.dumps(one, separators=(',', ':'))}" for name, one in group.items()
        )
        lines.append(f"{json.dumps(key)}:{{\n{inner}\n}}")
    FILE.write_text("{" + ",\n".join(lines) + "}\n", encoding="ascii", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
