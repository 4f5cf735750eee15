"""Discover, fingerprint, read, load: raw exports into schema `raw`. Knows nothing of Dagster."""
