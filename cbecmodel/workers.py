"""Where work is done: here, in processes, or on a Dask cluster. One thread of BLAS each, results as they finish.

What is done is the same everywhere; the ways differ in nothing but the place. Ending early, by an error or by Ctrl-C, stops the
workers of this machine and takes back what a cluster has not begun.
"""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cbecmodel import messages
from cbecmodel.errors import CbecError, ContentError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from distributed import Client

Parallel: TypeAlias = "int | Literal['dask'] | Client | None"
Outcomes: TypeAlias = "Generator[tuple[int, Any], None, None]"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_IDLE_SECONDS = 60  # workers wait so long for the next call before they leave


def completed(
    function: Callable[..., Any], items: Sequence[Any], common: tuple[Any, ...], parallel: Parallel
) -> Outcomes:
    """Call ``function(item, *common)`` for every item and give results as they finish.

    Parameters
    ----------
    function : callable
    items : sequence
        What differs between the calls; small.
    common : tuple
        What all calls share; sent as one piece.
    parallel : None, int, "dask" or distributed.Client
        None or 1: here, one after another. An integer: so many processes (−1: one a core). ``"dask"``: a Dask cluster on this
        machine, closed at the end. A ``Client``: the cluster it is connected to.

    Returns
    -------
    generator of (int, object)
        Position of the item, and its result. Close it to end early.

    Raises
    ------
    ContentError
        If ``parallel`` makes no sense.
    MissingDependency
        If Dask is asked for and not installed, or a worker of the cluster lacks this package.
    CbecError
        If a worker dies.

    Examples
    --------
    >>> list(completed(pow, [2, 3], (2,), None))
    [(0, 4), (1, 9)]
    """
    if parallel is None or (isinstance(parallel, int) and parallel == 1):
        return _here(function, items, common)
    if isinstance(parallel, int) and not isinstance(parallel, bool) and (parallel > 1 or parallel == -1):
        return _processes(function, items, common, parallel)
    if parallel == "dask":
        return _local_cluster(function, items, common)
    if hasattr(parallel, "scheduler_info") and hasattr(parallel, "submit"):
        return _cluster(function, items, common, parallel)
    raise ContentError("parallel.unknown_way", given=repr(parallel))


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS to one thread: sums are then taken in one order, on every machine and in every worker.

    Examples
    --------
    >>> with one_thread():
    ...     pass
    """
    with _libraries().limit(limits=1):
        yield


@cache
def _libraries() -> Any:
    """Return what holds the threads of the libraries loaded; looking for them takes as long as many small fits."""
    import scipy.linalg  # noqa: F401 - loads its own BLAS, so that it is held too

    return import_module("threadpoolctl").ThreadpoolController()  # carries no types


def _call(function: Callable[..., Any], item: Any, common: tuple[Any, ...]) -> Any:
    with one_thread():
        return function(item, *common)


def _call_packed(item: Any, packed: bytes) -> Any:
    """Call in a worker; the function and what all calls share travel as bytes that nobody looks into on the way."""
    function, common = pickle.loads(packed)
    return _call(function, item, common)


def _packed(function: Callable[..., Any], common: tuple[Any, ...]) -> bytes:
    from joblib.externals.loky.backend import reduction  # also packs functions that were typed into a notebook

    return bytes(reduction.dumps((function, common)))


def _here(function: Callable[..., Any], items: Sequence[Any], common: tuple[Any, ...]) -> Outcomes:
    for position, item in enumerate(items):
        yield position, _call(function, item, common)


def _processes(function: Callable[..., Any], items: Sequence[Any], common: tuple[Any, ...], wanted: int) -> Outcomes:
    from joblib.externals import loky

    n_workers = min(os.cpu_count() or 1 if wanted == -1 else wanted, len(items))
    if not n_workers:
        return
    packed = _packed(function, common)
    threads = dict.fromkeys(_THREADS, "1")
    # not the pool that loky keeps for the whole process: joblib takes that for one of its own when a user runs joblib later
    executor = loky.ProcessPoolExecutor(max_workers=n_workers, timeout=_IDLE_SECONDS, env=threads)
    whole = False
    try:
        places = {executor.submit(_call_packed, item, packed): place for place, item in enumerate(items)}
        for future in loky.as_completed(places):
            yield places[future], future.result()
        whole = True
    except loky.BrokenProcessPool as error:
        raise CbecError("parallel.worker_died", reason=str(error).splitlines()[0]) from error
    finally:
        if whole:
            executor.shutdown(wait=True)
        else:
            _stop(executor)


def _stop(executor: Any) -> None:
    """End all workers at once.

    loky's own way (``shutdown(kill_workers=True)``) is not used: while work waits, its thread takes what waits apart and then
    looks for it, or sets errors on what was cancelled, and dies of that. That a worker is gone it takes in good order.
    """
    utils: Any = import_module("joblib.externals.loky.backend.utils")
    for process in list(executor._processes.values()):
        utils.kill_process_tree(process)
    executor.shutdown(wait=True)


def _local_cluster(function: Callable[..., Any], items: Sequence[Any], common: tuple[Any, ...]) -> Outcomes:
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise MissingDependency(
            "core.missing_dependency",
            package="distributed",
            extra="cluster",
            purpose=messages.text("core.purpose_dask"),
        ) from error
    n_workers = min(os.cpu_count() or 1, max(len(items), 1))
    with (
        distributed.LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield from _cluster(function, items, common, client)


def _cluster(function: Callable[..., Any], items: Sequence[Any], common: tuple[Any, ...], client: Any) -> Outcomes:
    distributed: Any = import_module("distributed")
    _require_package(client)
    # part of the function: as an argument, more than a megabyte would become a task of its own, and the scheduler lose it
    call = partial(_call_packed, packed=_packed(function, common))
    futures = client.map(call, list(items), pure=False)
    places = {future.key: place for place, future in enumerate(futures)}
    try:
        for future in distributed.as_completed(futures):
            yield places[future.key], _result(future)
    finally:
        client.cancel(futures)


def _result(future: Any) -> Any:
    """Return a result from the cluster; of errors, say those that come from the cluster itself."""
    scheduler: Any = import_module("distributed.scheduler")
    try:
        return future.result()
    except scheduler.KilledWorker as error:
        raise CbecError("parallel.worker_died", reason=str(error).splitlines()[0]) from error
    except ImportError as error:  # a worker that came later than the first look
        if (error.name or "").split(".")[0] != "cbecmodel":
            raise
        raise _lacking("?", str(error)) from error


def _require_package(client: Any) -> None:
    """Raise if a worker of the cluster cannot import this package; versions are compared with every batch."""
    found = client.run(import_module, "cbecmodel.workers", on_error="return")
    for worker, answer in found.items():
        if isinstance(answer, BaseException):
            raise _lacking(str(worker), f"{type(answer).__name__}: {answer}")


def _lacking(worker: str, reason: str) -> MissingDependency:
    return MissingDependency("parallel.worker_without_package", worker=worker, reason=reason)


def numerics() -> dict[str, str]:
    """Return what decides the last bits of a result: versions, processor, and the code path that BLAS takes.

    Returns
    -------
    dict
        Two machines with equal values give bit-identical numbers.

    Examples
    --------
    >>> sorted(numerics())
    ['blas', 'machine', 'numpy', 'package', 'python', 'scipy']
    """
    import platform

    import numpy
    import scipy.linalg

    libraries = {
        " ".join(str(pool.get(part, "")) for part in ("internal_api", "version", "architecture"))
        for pool in _libraries().info()
        if pool.get("user_api") == "blas"
    }
    return {
        "package": str(sys.modules[__name__.partition(".")[0]].__version__),  # this package's face is loaded before us
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "machine": platform.machine(),
        "blas": ", ".join(sorted(libraries)),
    }
