"""What holds for every test."""

import os

import hypothesis

# Processors are shared: an example that had to wait for one has not failed.
hypothesis.settings.register_profile(
    "shared", deadline=None, max_examples=int(os.environ.get("EXAMPLES", "100"))
)
hypothesis.settings.load_profile("shared")
