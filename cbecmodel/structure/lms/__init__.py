"""Latent moderated structural equations: products of latent variables by maximum likelihood."""
