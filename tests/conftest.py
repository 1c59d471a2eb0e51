"""What holds for every test."""

from __future__ import annotations

import os

# Haystack reports its use over the network unless told not to before it is imported.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
