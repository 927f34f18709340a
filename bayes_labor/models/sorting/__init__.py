"""Models of sorting over the business cycle."""
