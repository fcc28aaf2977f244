"""Two-level models: units in clusters, with random intercepts."""
