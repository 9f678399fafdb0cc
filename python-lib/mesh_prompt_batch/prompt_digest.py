"""What the log shows of a setting that is part of the prompt: that it changed, nothing of what it says."""

import hashlib


def prompt_digest(text: str) -> str:
    # A form may hold half of a character pair; the row that would send it is refused, not the log's line.
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{len(text):,} characters, SHA-256 {digest[:8]}"
