"""The assets: raw tables (ingest), dbt models (transform), the published file (publish)."""
