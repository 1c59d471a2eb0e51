"""What an ``Elastic`` is unless asked otherwise. It stands by itself, since adapters name it before they import the client."""

from __future__ import annotations

LOCAL = "local"
KEY_VARIABLES = ("ELASTIC_API_KEY",)
TIMEOUT = 60.0
BATCH_SIZE = 128
