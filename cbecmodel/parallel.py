"""One map over seeded replicates, the same to the last bit whether run serially, in processes or on Dask.

Replicate ``i`` draws from child ``i`` of ``SeedSequence(seed)`` and computes with one BLAS thread, so its result depends on
neither the number of workers nor the order in which they finish.
"""

from __future__ import annotations

import os
import pickle
import traceback
import warnings
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np

from cbecmodel.errors import CbecError, ContentError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from distributed import Client

Result = TypeVar("Result")
Parallel: TypeAlias = "int | Literal['dask'] | Client | None"
_Batch: TypeAlias = "tuple[Callable[..., Any], int | Sequence[int] | None, tuple[int, ...], range, tuple[Any, ...]]"
_BATCHES = 256  # at most so many messages travel; set by n alone, never by timing or workers


def map_replicates(
    function: Callable[..., Result],
    n: int,
    seed: int | np.random.SeedSequence,
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
    if n < 0:
        raise ContentError("parallel.negative_n", n=n)
    source = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    entropy, key = source.entropy, tuple(int(part) for part in source.spawn_key)
    size = max(1, -(-n // _BATCHES))
    batches = [(function, entropy, key, range(start, min(start + size, n)), args) for start in range(0, n, size)]
    results: list[Result] = []
    with _progress(n, label) as advance, closing(_outcomes(batches, parallel)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, _Failure):
                raise outcome.as_error(n, seed)
            results.append(outcome)
            advance()
    return results


def replicate_rng(seed: int | np.random.SeedSequence, index: int) -> np.random.Generator:
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
    source = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    return np.random.default_rng(np.random.SeedSequence(source.entropy, spawn_key=(*source.spawn_key, index)))


@dataclass(frozen=True, slots=True)
class _Failure:
    """What went wrong in one replicate, in a form that survives the journey from a worker."""

    index: int
    error: BaseException
    where: str

    def as_error(self, n: int, seed: object) -> CbecError:
        shown = seed.entropy if isinstance(seed, np.random.SeedSequence) else seed
        reason = f"{type(self.error).__name__}: {self.error}"
        error = CbecError("parallel.replicate_failed", index=self.index, n=n, seed=shown, reason=reason)
        error.add_note(self.where)
        error.__cause__ = self.error
        return error


def _run_batch(batch: _Batch) -> list[Any]:
    """Run a batch with one BLAS thread; stop at its first failure."""
    with _one_thread():
        return list(_run(batch))


def _run(batch: _Batch) -> Generator[Any, None, None]:
    function, entropy, key, indices, args = batch
    source = np.random.SeedSequence(entropy, spawn_key=key)
    for index in indices:
        try:
            yield function(replicate_rng(source, index), index, *args)
        except Exception as error:  # whatever it is, it is raised again beside the caller, with its index
            yield _Failure(index, _portable(error), traceback.format_exc())
            return


def _portable(error: Exception) -> Exception:
    """Return the error if it can travel between processes, else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an error class of the user's that cannot be pickled may fail in any way
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


@contextmanager
def _one_thread() -> Iterator[None]:
    """Hold BLAS to one thread: sums are then taken in one order, on every machine and in every worker."""
    import scipy.linalg  # noqa: F401 - loads its own BLAS, so that it is held too

    threadpoolctl: Any = import_module("threadpoolctl")  # carries no types
    with threadpoolctl.threadpool_limits(limits=1):
        yield


@contextmanager
def _progress(n: int, label: str) -> Iterator[Callable[[], object]]:
    if not label:
        yield lambda: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=n, desc=label) as bar:
        yield bar.update


def _outcomes(batches: list[_Batch], parallel: Parallel) -> Generator[Any, None, None]:
    """Give results and failures in the order of the replicates."""
    if parallel is None or (isinstance(parallel, int) and parallel == 1):
        return _serial(batches)
    if isinstance(parallel, int) and not isinstance(parallel, bool) and (parallel > 1 or parallel == -1):
        return _processes(batches, parallel)
    if parallel == "dask":
        return _local_cluster(batches)
    if hasattr(parallel, "scheduler_info") and hasattr(parallel, "submit"):
        return _dask(batches, parallel)
    raise ContentError("parallel.unknown_way", given=repr(parallel))


def _serial(batches: list[_Batch]) -> Generator[Any, None, None]:
    with _one_thread():
        for batch in batches:
            yield from _run(batch)


def _processes(batches: list[_Batch], n_workers: int) -> Generator[Any, None, None]:
    from joblib import Parallel as Workers
    from joblib import delayed, parallel_config

    workers = min(os.cpu_count() or 1, len(batches)) if n_workers == -1 else min(n_workers, len(batches))
    with parallel_config(backend="loky", inner_max_num_threads=1):
        done = Workers(n_jobs=max(workers, 1), return_as="generator", batch_size=1)(
            delayed(_run_batch)(batch) for batch in batches
        )
    try:
        yield from _flat(done)
    finally:  # closing stops the workers, also after Ctrl-C; that work is cancelled is then no news
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*(cancelled|not used)", category=UserWarning)
            done.close()


def _flat(done: Iterable[list[Any]]) -> Generator[Any, None, None]:
    for results in done:
        yield from results


def _local_cluster(batches: list[_Batch]) -> Generator[Any, None, None]:
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise MissingDependency(
            "core.missing_dependency", package="distributed", extra="cluster", purpose="run replicates on Dask"
        ) from error
    workers = min(os.cpu_count() or 1, max(len(batches), 1))
    with (
        distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield from _dask(batches, client)


def _dask(batches: list[_Batch], client: Any) -> Generator[Any, None, None]:
    futures = client.map(_run_batch, batches, pure=False)
    try:
        yield from _flat(future.result() for future in futures)
    finally:
        client.cancel(futures)
