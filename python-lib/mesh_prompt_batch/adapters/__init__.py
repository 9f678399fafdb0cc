"""The doors to the outside, one module an outside library."""
