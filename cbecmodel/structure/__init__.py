"""Structural equation models: syntax, parameter table, sample moments, estimator, inference, results."""
