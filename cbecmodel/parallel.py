"""One map over seeded replicates, the same to the last bit whether run serially, in processes or on Dask.

Replicate ``i`` draws from child ``i`` of ``SeedSequence(seed)`` and computes with one BLAS thread, in a batch whose size is set
by the work and the number of replicates alone. So its result depends on neither the number of workers nor the order in which
they finish.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from cbecmodel.batches import Batch, Failure, Seed, batch_size, replicate_rng, sequence_of, split, without_failures
from cbecmodel.checkpoints import Columns, open_checkpoints
from cbecmodel.errors import CbecWarning, ContentError, warn
from cbecmodel.workers import Parallel, completed, numerics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from cbecmodel.checkpoints import Checkpoints

__all__ = ["Batch", "Parallel", "Replicates", "batch_size", "map_batches", "map_replicates", "replicate_rng"]

Result = TypeVar("Result")
Environment: TypeAlias = "Callable[[Mapping[str, str] | None], Mapping[str, str]]"
_MESSAGES = 256  # of map_replicates, at most; set by n alone, never by timing or workers


def map_replicates(
    function: Callable[..., Result],
    n: int,
    seed: Seed,
    *,
    parallel: Parallel = None,
    label: str = "",
    args: tuple[Any, ...] = (),
) -> list[Result]:
    """Call ``function(rng, index, *args)`` for every replicate and return the results in order.

    Parameters
    ----------
    function : callable
        Takes a :class:`numpy.random.Generator`, the replicate's index and ``args``. It must not draw from anywhere else.
    n : int
        How many replicates.
    seed : int or numpy.random.SeedSequence
        Replicate ``i`` draws from child ``i`` of it.
    parallel : None, int, "dask" or distributed.Client, optional
        None or 1: here, one after another. An integer: so many processes (−1: one a core). ``"dask"``: a Dask cluster on this
        machine, closed at the end. A ``Client``: the cluster it is connected to.
    label : str, optional
        Shows a progress bar with this text.
    args : tuple, optional
        Passed on to ``function``.

    Returns
    -------
    list
        ``n`` results, bit-identical for every value of ``parallel``.

    Raises
    ------
    CbecError
        If a replicate fails; names its index and has the replicate's own error as cause.
    ContentError
        If ``n`` or ``parallel`` makes no sense.
    MissingDependency
        If Dask is asked for and not installed.

    Examples
    --------
    >>> def mean(rng, index, size):
    ...     return float(rng.normal(size=size).mean())
    >>> map_replicates(mean, 3, seed=1, args=(10,)) == map_replicates(mean, 4, seed=1, args=(10,))[:3]
    True
    """
    batches = split(n, max(1, -(-n // _MESSAGES)), seed)
    results: dict[int, list[Result]] = {}
    with _progress(n, label) as advance, closing(completed(_each, batches, (function, args), parallel)) as outcomes:
        for place, outcome in without_failures(outcomes, n, seed):
            results[place] = outcome
            advance(len(outcome))
    return [result for place in range(len(batches)) for result in results[place]]


def map_batches(
    function: Callable[..., Columns],
    n: int,
    seed: Seed,
    *,
    size: int,
    parallel: Parallel = None,
    folder: str | Path | None = None,
    identity: Mapping[str, str] | None = None,
    environment: Environment | None = None,
    label: str = "",
    args: tuple[Any, ...] = (),
) -> Replicates:
    """Call ``function(batch, *args)`` for every batch of replicates and put the columns it returns together.

    Parameters
    ----------
    function : callable
        Takes a :class:`Batch` and ``args``; returns arrays by name, each with a row a replicate of the batch. It draws from
        the batch's generators alone.
    n : int
        How many replicates.
    seed : int or numpy.random.SeedSequence
    size : int
        Replicates a batch, see :func:`batch_size`; it may not depend on workers or timing.
    parallel : None, int, "dask" or distributed.Client, optional
        As in :func:`map_replicates`.
    folder : str or pathlib.Path, optional
        Keeps every finished batch; a later call with the same folder goes on from there.
    identity : mapping of str to str, optional
        What is computed (hashes of model, data, …); a folder of something else is refused.
    environment : callable, optional
        Returns what decides the last bits besides :func:`cbecmodel.workers.numerics`, such as a kernel's instruction set.
        It is called with None here, and with what it returned here in each worker, so that it can choose the same there.
    label : str, optional
        Shows a progress bar with this text.
    args : tuple, optional

    Returns
    -------
    Replicates
        Bit-identical for every value of ``parallel``, and whether or not it was interrupted and taken up again. After Ctrl-C
        those replicates that are done, with a warning; with ``folder`` they are kept.

    Raises
    ------
    CbecError
        If a batch fails, a worker dies, or a worker would compute with another instruction set.
    ContentError
        If the folder holds another computation.

    Examples
    --------
    >>> def draw(batch):
    ...     return {"value": np.array([rng.random() for rng in batch.rngs()])}
    >>> map_batches(draw, 5, seed=1, size=2)["value"].shape
    (5,)
    """
    batches = split(n, size, seed)
    here = _environment(environment, None)
    kept = _checkpoints(folder, identity, here, (n, size, seed))
    done = {} if kept is None else _found(kept, len(batches))
    waiting = [place for place in range(len(batches)) if place not in done]
    common = (function, args, environment, here)
    resumed = sum(len(batches[place].indices) for place in done)
    stopped = False
    try:
        with (
            _progress(n, label, resumed) as advance,
            closing(completed(_whole, [batches[place] for place in waiting], common, parallel)) as outcomes,
        ):
            for place, columns in without_failures(outcomes, n, seed):
                if kept is not None:
                    kept.save(waiting[place], columns)
                done[waiting[place]] = columns
                advance(len(batches[waiting[place]].indices))
    except KeyboardInterrupt:
        if not done:
            raise
        stopped = True
    found = _together(batches, done, n, here, resumed)
    if stopped:
        warn(CbecWarning, "parallel.partial" if kept is None else "parallel.partial_kept", done=len(found.indices), n=n)
    return found


@dataclass(frozen=True, slots=True)
class Replicates:
    """What a map over batches returns.

    Attributes
    ----------
    columns : dict of ndarray, shape (m,) or (m, k)
        A row a replicate that is done, in order.
    indices : ndarray of int, shape (m,)
        Which replicates these are.
    n : int
        How many were asked for.
    environment : dict
        Versions and instruction set they were made with.
    resumed : int
        How many came from a folder.
    """

    columns: Columns
    indices: NDArray[np.intp]
    n: int
    environment: dict[str, str]
    resumed: int = 0

    @property
    def partial(self) -> bool:
        """Return whether the map was stopped before its end."""
        return len(self.indices) < self.n

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]


def _each(batch: Batch, function: Callable[..., Any], args: tuple[Any, ...]) -> list[Any] | Failure:
    """Call a function for each replicate of a batch; stop at its first failure."""
    results = []
    for index, rng in zip(batch.indices, batch.rngs(), strict=True):
        try:
            results.append(function(rng, index, *args))
        except Exception as error:  # whatever it is, it is raised again beside the caller, with its index
            return Failure.caught(error, index)
    return results


def _whole(
    batch: Batch,
    function: Callable[..., Columns],
    args: tuple[Any, ...],
    environment: Environment | None,
    wanted: Mapping[str, str],
) -> Columns | Failure:
    """Call a function for a whole batch, if it would compute here as it does where the map was begun."""
    try:
        there = _environment(environment, wanted)
        if there != wanted:
            differing = [name for name in sorted({*there, *wanted}) if there.get(name) != wanted.get(name)]
            what = "; ".join(f"{name}: {there.get(name)} ≠ {wanted.get(name)}" for name in differing)
            raise ContentError("parallel.other_environment", what=what)
        return function(batch, *args)
    except Exception as error:  # as above
        return Failure.caught(error, batch.indices[0], batch.indices)


def _environment(hook: Environment | None, wanted: Mapping[str, str] | None) -> dict[str, str]:
    return {**numerics(), **(dict(hook(wanted)) if hook is not None else {})}


def _checkpoints(
    folder: str | Path | None, identity: Mapping[str, str] | None, here: Mapping[str, str], plan: tuple[int, int, Seed]
) -> Checkpoints | None:
    if folder is None:
        return None
    n, size, seed = plan
    source = sequence_of(seed)
    drawn = f"{source.entropy} {tuple(int(part) for part in source.spawn_key)}"
    whole = {**(identity or {}), "replicates": str(n), "batch": str(size), "seed": drawn}
    return open_checkpoints(folder, whole, here)


def _found(kept: Checkpoints, n_batches: int) -> dict[int, Columns]:
    loaded = {place: kept.load(place) for place in range(n_batches)}
    return {place: columns for place, columns in loaded.items() if columns is not None}


def _together(
    batches: Sequence[Batch], done: Mapping[int, Columns], n: int, here: dict[str, str], resumed: int
) -> Replicates:
    order = sorted(done)
    names = list(done[order[0]]) if order else []
    columns = {name: np.concatenate([done[place][name] for place in order]) for name in names}
    indices = np.concatenate([np.arange(0), *(np.asarray(batches[place].indices) for place in order)]).astype(np.intp)
    return Replicates(columns, indices, n, here, resumed)


@contextmanager
def _progress(n: int, label: str, done: int = 0) -> Iterator[Callable[[int], object]]:
    """Show a bar with count, rate and remaining time."""
    if not label:
        yield lambda _: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=n, desc=label, initial=done) as bar:
        yield bar.update
