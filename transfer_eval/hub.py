"""The Hub's client library, kept from talking between our lines."""

from __future__ import annotations

import logging


def hush() -> None:
    """Let the client's retries go unsaid: what comes of them is said in one line by whoever asked."""
    for name in ("huggingface_hub", "datasets", "httpx"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
