"""What holds for every test."""

import hypothesis

# Processors are shared: an example that had to wait for one has not failed.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")
