"""chatmart: the Dagster code location and the ingest of the WhatsApp KPI warehouse."""
