"""Which replicates are drawn, and with what."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cbecmodel.parallel import replicate_rng
from cbecmodel.structure.resampling.compiled import count_draws

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Floats = NDArray[np.float64]
_POOL: Final = 4  # words of NumPy's entropy pool


class Seeded(Protocol):
    """Replicates with the seed they come from, such as :class:`cbecmodel.parallel.Batch`."""

    @property
    def indices(self) -> Sequence[int]:
        """Return which replicates."""

    @property
    def entropy(self) -> int | Sequence[int] | None:
        """Return the seed."""

    @property
    def key(self) -> tuple[int, ...]:
        """Return the seed's place in the tree of seeds."""

    def rngs(self) -> Iterator[np.random.Generator]:
        """Give the generator of each replicate."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """Any replicates of a seed.

    Attributes
    ----------
    indices : tuple of int
    entropy : int
    key : tuple of int
    """

    indices: tuple[int, ...]
    entropy: int | Sequence[int] | None
    key: tuple[int, ...] = ()

    def rngs(self) -> Iterator[np.random.Generator]:
        """Give the generator of each replicate.

        Yields
        ------
        numpy.random.Generator
        """
        source = np.random.SeedSequence(self.entropy, spawn_key=self.key)
        for index in self.indices:
            yield replicate_rng(source, index)


def draw_counts(seeds: Seeded, sizes: Sequence[int]) -> list[Floats]:
    """Draw from each of several sets with replacement, as often as it has elements, and count.

    Parameters
    ----------
    seeds : Seeded
        One generator a replicate; sets are drawn from one after the other.
    sizes : sequence of int
        Elements of each set.

    Returns
    -------
    list of ndarray, shape (R, size)

    Examples
    --------
    >>> draw_counts(Seeds((0, 1), 7), [5])[0].sum(axis=1).tolist()
    [5.0, 5.0]
    """
    return _fast(seeds, sizes) or _plain(seeds, sizes)


def _plain(seeds: Seeded, sizes: Sequence[int]) -> list[Floats]:
    out = [np.empty((len(seeds.indices), size)) for size in sizes]
    for place, rng in enumerate(seeds.rngs()):
        for counts, size in zip(out, sizes, strict=True):
            counts[place] = np.bincount(rng.integers(0, size, size), minlength=size)
    return out


def _fast(seeds: Seeded, sizes: Sequence[int]) -> list[Floats] | None:
    """Count in the compiled engine; None where it is not here, or does not draw as this version of NumPy does."""
    if (
        not isinstance(seeds.entropy, int)
        or max(seeds.indices, default=0) >= 2**32
        or max(seeds.key, default=0) >= 2**32
    ):
        return None
    return _compiled(seeds, sizes) if _same_bits() else None


def _compiled(seeds: Seeded, sizes: Sequence[int]) -> list[Floats] | None:
    assert isinstance(seeds.entropy, int)
    words: list[int] = []
    rest = seeds.entropy
    while rest or not words:
        words.append(rest & 0xFFFFFFFF)
        rest >>= 32
    words += [0] * (_POOL - len(words))
    return count_draws([*words, *seeds.key, 0], np.asarray(seeds.indices, dtype=np.int64), sizes)


@cache
def _same_bits() -> bool:
    """Return whether the compiled engine counts what NumPy draws; NumPy may change its streams."""
    trial, sizes = Seeds((0, 5, 70_000), 2**70 + 12345, (3,)), [7, 1, 75]
    found = _compiled(trial, sizes)
    return found is not None and all(
        np.array_equal(one, other) for one, other in zip(found, _plain(trial, sizes), strict=True)
    )
