"""Panels, rollouts and the effects of policies."""
