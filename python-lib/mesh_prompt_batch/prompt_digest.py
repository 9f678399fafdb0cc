"""What the log shows of what may be part of a prompt: that it changed, nothing of what it says."""

import hashlib

_LONGEST_ID = 200


def prompt_digest(text: str) -> str:
    # A form may hold half of a character pair; the row that would send it is refused, not the log's line.
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{len(text):,} characters, SHA-256 {digest[:8]}"


def shown_llm_id(llm_id: str) -> str:
    """For the log. Rows name LLMs, and the column that was chosen for that may be one of texts."""
    is_one_word = len(llm_id.split(maxsplit=1)) == 1 and len(llm_id) <= _LONGEST_ID
    return (
        llm_id
        if is_one_word and llm_id.isprintable()
        else f"(an LLM id of {prompt_digest(llm_id)})"
    )
