"""Reliability, validity and what else reviewers ask before they read a path."""
