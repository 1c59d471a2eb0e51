"""Word and sentence boundaries: by the ASCII rules, by ICU, or approximately."""
