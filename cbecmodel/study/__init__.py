"""A study from its YAML file to its artefacts: ordered, cached, resumable steps."""
