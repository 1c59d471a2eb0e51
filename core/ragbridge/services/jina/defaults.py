"""What a ``Jina`` is unless asked otherwise. It stands by itself, since adapters name it before they import the client."""

from __future__ import annotations

PUBLIC_HOST = "api.jina.ai"
BASE_URL = f"https://{PUBLIC_HOST}"
LOCAL = "local"
KEY_VARIABLES = ("JINA_API_KEY", "JINAAI_API_KEY", "JINA_AUTH_TOKEN")
TIMEOUT = 60.0
BATCH_SIZE = 128
