"""Populations with a known truth: responses and panels drawn from a seed."""
