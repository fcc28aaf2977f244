"""Instruments in several languages, and the answers that come back."""
