"""All cases: what Elasticsearch answers, by its own tests, its source and its documentation."""

from __future__ import annotations

import cases_arranged
import cases_documents
import cases_filters
import cases_ready_made
import cases_retrievers
import cases_semantic
import cases_writing

CASES = [
    *cases_semantic.CASES,
    *cases_filters.CASES,
    *cases_writing.CASES,
    *cases_ready_made.CASES,
    *cases_retrievers.CASES,
    *cases_arranged.CASES,
    *cases_documents.CASES,
]
LIMITS = cases_documents.LIMITS
"""What the engine refuses and a cluster does not."""
