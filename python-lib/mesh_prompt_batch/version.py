"""The plugin's version, for its first log line."""

# A container has this package and no plugin.json; a test holds the two together.
VERSION = "1.0.0"
