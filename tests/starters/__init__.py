"""The starters."""
