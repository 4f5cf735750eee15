"""An independent recomputation of the KPIs, from the raw files and the documents alone."""
