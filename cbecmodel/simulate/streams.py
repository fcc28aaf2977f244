"""Random streams by name: what one component draws never depends on what the others draw."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int | np.random.SeedSequence, name: str) -> np.random.Generator:
    """Return the generator of one named component of a simulation.

    Parameters
    ----------
    seed : int or numpy.random.SeedSequence
    name : str
        Like ``latent.PCI`` or ``careless``.

    Returns
    -------
    numpy.random.Generator
        Seeded by the child of ``seed`` whose place in the tree is the name's SHA-256.

    Examples
    --------
    >>> stream(1, "careless").random() == stream(1, "careless").random()
    True
    >>> stream(1, "careless").random() == stream(1, "missing").random()
    False
    """
    parent = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big")
    return np.random.default_rng(np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, place)))
