"""Requests with images and the quota: they neither wait for a first report nor spoil what is known about texts."""

from __future__ import annotations

import base64
import json
import threading

from ragbridge import Image, Jina, RateLimit
from ragbridge.flow import Response
from ragbridge.limiter.tokens import shared

MODEL = "jina-clip-v2"
TEXT = "a short text of eight words, no more"
LIMITS = RateLimit(10_000, 100_000_000, 4)


def embedded(request):
    """Bills an image more than its tiles say."""
    items = json.loads(request.body)["input"]
    vector = base64.b64encode(bytes(4096)).decode()
    tokens = sum(18_000 if isinstance(item, dict) else 8 for item in items)
    rows = [{"index": index, "embedding": vector} for index in range(len(items))]
    return Response(200, {}, json.dumps({"data": rows, "usage": {"total_tokens": tokens}}).encode())


def test_images_go_side_by_side_although_no_text_was_reported(scripted):
    """The first request of a model goes alone to learn what texts cost: images have nothing to teach."""
    together = threading.Barrier(4, timeout=30)

    def wait(request):
        together.wait()
        return embedded(request)

    jina = Jina(base_url="http://x", limits=LIMITS, batch_size=1, transport=scripted(*[wait] * 4))
    jina.embed([Image("https://x.example/a.png")] * 4, model=MODEL)


def test_what_an_image_was_billed_says_nothing_about_texts(scripted):
    """Tiles are a formula of old pages: an error in it is not laid on the text beside the image."""
    tokens = shared(MODEL, address="http://x/v1")
    before = tokens.estimate(tokens.measure(TEXT))
    jina = Jina(base_url="http://x", limits=LIMITS, transport=scripted(embedded))
    jina.embed([TEXT, Image("https://x.example/a.png")], model=MODEL)
    assert tokens.estimate(tokens.measure(TEXT)) == before
