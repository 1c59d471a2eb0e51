"""Reader, search and grounding."""
