"""Model syntax in lavaan's language: words, formulas, expressions."""
