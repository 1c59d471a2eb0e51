"""A server of vectors that writes down what it bills: a program of its own, so that it outlives what is killed.

``python counting.py LOG LATENCY`` prints its address; each line of the log has the texts of a request, and how many of them
it had not seen before. A vector is a function of its text, so that it can be told whose it is.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

WIDTH = 64


def vector_of(text: str, width: int = WIDTH) -> np.ndarray:
    """What this server answers for a text."""
    seed = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(seed, "big")).random(width, np.float32)


def billed(log: str) -> tuple[int, int, int]:
    """Requests, texts, and different texts, so far."""
    lines = Path(log).read_text(encoding="ascii").split("\n")[:-1]
    rows = [tuple(map(int, line.split())) for line in lines]
    return len(rows), sum(row[0] for row in rows), sum(row[1] for row in rows)


def serve(log: str, latency: float) -> None:
    """Answer until the process is ended."""
    file = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    lock, seen = threading.Lock(), set[bytes]()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            texts, width = body["input"], body.get("dimensions") or WIDTH
            digests = {hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts}
            with lock:
                new = len(digests - seen)
                seen.update(digests)
            os.write(file, f"{len(texts)} {new}\n".encode())
            time.sleep(latency)
            data = [
                {"index": index, "embedding": base64.b64encode(vector_of(text, width).tobytes()).decode()}
                for index, text in enumerate(texts)
            ]
            usage = {"total_tokens": sum(map(len, texts)) // 4 + len(texts)}
            answer = json.dumps({"model": body["model"], "data": data, "usage": usage}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:  # whoever asked was killed
            pass

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], float(sys.argv[2]))
