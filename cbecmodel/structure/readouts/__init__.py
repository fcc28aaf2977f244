"""Tables, effects, scores and pictures of a fitted model."""
