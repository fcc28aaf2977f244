"""The parameter table: defaults, equality across groups, constraints."""
