"""Batches of seeded replicates, and what went wrong in one, in a form that travels."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from cbecmodel.errors import CbecError, ContentError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

Seed: TypeAlias = "int | np.random.SeedSequence"
_PER_SECOND: Final = 2e9  # arithmetic operations of one core, roughly
_FEWEST: Final = 128  # a smaller batch is not worth its message
_PARTS: Final = 16  # so many batches keep many workers busy


def batch_size(n: int, operations: float) -> int:
    """Return how many replicates make a batch: about a second of work each, set by the work and ``n`` alone.

    Parameters
    ----------
    n : int
        Replicates in all.
    operations : float
        Arithmetic operations of one replicate, roughly.

    Returns
    -------
    int

    Examples
    --------
    >>> batch_size(10_000, 1e5), batch_size(10_000, 1e8), batch_size(50, 1e5)
    (625, 20, 50)
    """
    in_a_second = max(1, int(_PER_SECOND / max(operations, 1.0)))
    return max(1, min(n, in_a_second, max(_FEWEST, -(-n // _PARTS))))


def sequence_of(seed: Seed) -> np.random.SeedSequence:
    """Return a seed as the root of a tree of seeds.

    Parameters
    ----------
    seed : int or numpy.random.SeedSequence

    Returns
    -------
    numpy.random.SeedSequence
    """
    return seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)


def replicate_rng(seed: Seed, index: int) -> np.random.Generator:
    """Return the generator that one replicate of :func:`map_replicates` draws from.

    Parameters
    ----------
    seed : int or numpy.random.SeedSequence
    index : int

    Returns
    -------
    numpy.random.Generator
        Seeded by ``SeedSequence(seed).spawn(index + 1)[index]``.

    Examples
    --------
    >>> import numpy as np
    >>> child = np.random.SeedSequence(7).spawn(3)[2]
    >>> replicate_rng(7, 2).random() == np.random.default_rng(child).random()
    True
    """
    source = sequence_of(seed)
    return np.random.default_rng(np.random.SeedSequence(source.entropy, spawn_key=(*source.spawn_key, index)))


@dataclass(frozen=True, slots=True)
class Batch:
    """Replicates that are computed together.

    Attributes
    ----------
    indices : range
    entropy : int, sequence of int, or None
    key : tuple of int
        Of the seed.
    """

    indices: range
    entropy: int | Sequence[int] | None
    key: tuple[int, ...]

    def rngs(self) -> Iterator[np.random.Generator]:
        """Give the generator of each replicate.

        Yields
        ------
        numpy.random.Generator
        """
        source = np.random.SeedSequence(self.entropy, spawn_key=self.key)
        for index in self.indices:
            yield replicate_rng(source, index)


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong in one replicate (or batch), in a form that survives the journey from a worker.

    Attributes
    ----------
    index : int
        Of the replicate, or the first of the batch.
    error : BaseException
    where : str
        Its traceback.
    batch : range, optional
    """

    index: int
    error: BaseException
    where: str
    batch: range | None = None

    @classmethod
    def caught(cls, error: Exception, index: int, batch: range | None = None) -> Failure:
        """Keep an error that is being handled.

        Parameters
        ----------
        error : Exception
        index : int
        batch : range, optional

        Returns
        -------
        Failure
        """
        return cls(index, _portable(error), traceback.format_exc(), batch)

    def as_error(self, n: int, seed: Seed) -> CbecError:
        """Return the error to raise beside the caller.

        Parameters
        ----------
        n : int
            Replicates in all.
        seed : int or numpy.random.SeedSequence

        Returns
        -------
        CbecError
        """
        shown = sequence_of(seed).entropy
        reason = f"{type(self.error).__name__}: {self.error}"
        if self.batch is None:
            error = CbecError("parallel.replicate_failed", index=self.index, n=n, seed=shown, reason=reason)
        else:
            first, last = self.batch[0], self.batch[-1]
            error = CbecError("parallel.batch_failed", first=first, last=last, n=n, seed=shown, reason=reason)
        error.add_note(self.where)
        error.__cause__ = self.error
        return error


def split(n: int, size: int, seed: Seed) -> list[Batch]:
    """Cut the replicates into batches.

    Parameters
    ----------
    n : int
    size : int
        Of a batch.
    seed : int or numpy.random.SeedSequence

    Returns
    -------
    list of Batch

    Raises
    ------
    ContentError
        If ``n`` or ``size`` makes no sense.

    Examples
    --------
    >>> [batch.indices for batch in split(5, 2, seed=1)]
    [range(0, 2), range(2, 4), range(4, 5)]
    """
    if size < 1:
        raise ContentError("parallel.batch_of_none", size=size)
    if n < 0:
        raise ContentError("parallel.negative_n", n=n)
    source = sequence_of(seed)
    key = tuple(int(part) for part in source.spawn_key)
    return [Batch(range(start, min(start + size, n)), source.entropy, key) for start in range(0, n, size)]


def without_failures(
    outcomes: Generator[tuple[int, Any], None, None], n: int, seed: Seed
) -> Generator[tuple[int, Any], None, None]:
    """Pass results on; raise the failure that comes first in the order of the replicates, whichever is first in time.

    Parameters
    ----------
    outcomes : generator of (int, object)
        Places and results or failures, as they finish.
    n : int
        Replicates in all.
    seed : int or numpy.random.SeedSequence

    Yields
    ------
    (int, object)

    Raises
    ------
    CbecError
    """
    failures: dict[int, Failure] = {}
    seen: set[int] = set()
    for place, outcome in outcomes:
        seen.add(place)
        if isinstance(outcome, Failure):
            failures[place] = outcome
        else:
            yield place, outcome
        if failures and all(earlier in seen for earlier in range(min(failures))):
            break
    if failures:
        raise failures[min(failures)].as_error(n, seed)


def _portable(error: Exception) -> Exception:
    """Return the error if it can travel between processes, else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an error class of the user's that cannot be pickled may fail in any way
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
