"""DSS's own plumbing, as far as plugins read it."""
