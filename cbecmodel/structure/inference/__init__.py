"""Standard errors, tests, fit measures and comparisons at a solution."""
