"""Random streams by name: what one component draws never depends on what the others draw."""

from __future__ import annotations

import hashlib
from typing import TypeGuard

import numpy as np

from cbecmodel.errors import DataError


def check_seed(seed: object) -> None:
    """Refuse a seed from which nothing could be drawn twice.

    Parameters
    ----------
    seed : object

    Raises
    ------
    DataError
        If it is neither a whole number, 0 or more, nor a ``SeedSequence``.

    Examples
    --------
    >>> check_seed(None)
    Traceback (most recent call last):
    cbecmodel.errors.DataError: The seed is None; it must be a whole number, 0 or more. ...
    """
    if isinstance(seed, np.random.SeedSequence):
        return
    if not is_whole(seed) or seed < 0:
        raise DataError("simulate.bad_seed", given=repr(seed))


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number: Python's or numpy's, not True or False.

    Parameters
    ----------
    value : object

    Returns
    -------
    bool

    Examples
    --------
    >>> is_whole(3), is_whole(np.int64(3)), is_whole(3.0), is_whole(True)
    (True, True, False, False)
    """
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


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
