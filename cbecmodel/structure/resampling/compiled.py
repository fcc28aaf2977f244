"""The compiled engine: the same searches as :mod:`cbecmodel.structure.resampling.search`, one sample a SIMD lane.

It is optional. ``set_kernel`` chooses between it and NumPy; by default it is used where it was compiled, with the widest
instruction set the processor has. Results agree to rounding, and are the same to the last bit on one instruction set.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.resampling.objective import inverse_logdet
from cbecmodel.structure.resampling.reduced import LOADING, OBSERVED_MEAN, REGRESSION, Cells, ReducedGroup
from cbecmodel.structure.resampling.search import DECREMENT, GRADIENT, MAX_EVALUATIONS, Search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.structure.resampling.engine import Batch
    from cbecmodel.structure.resampling.moments import Cases, GroupMoments, ManyMoments

Floats = NDArray[np.float64]
Kernel = Literal["auto", "numpy", "c"]
_METHODS: Final = {"ML": 0, "FIML": 1, "GLS": 2, "ULS": 3, "DWLS": 3}
_chosen: dict[str, str] = {"kernel": "auto", "instruction_set": ""}


@cache
def _module() -> Any:
    """Return the compiled module, or None."""
    try:
        return import_module("cbecmodel.structure.resampling._kernel")
    except ImportError:  # not compiled here: NumPy does the work
        return None


@cache
def _available(module: Any) -> tuple[str, ...]:
    return () if module is None else tuple(module.instruction_sets())


def instruction_sets() -> tuple[str, ...]:
    """Return the instruction sets the compiled engine can use here, the widest first.

    Returns
    -------
    tuple of str
        Empty if it is not compiled.

    Examples
    --------
    >>> set(instruction_sets()) <= {"avx512", "avx2", "base"}
    True
    """
    return _available(_module())


def set_kernel(kernel: Kernel = "auto", instruction_set: str | None = None) -> None:
    """Choose what fits many samples at once.

    Parameters
    ----------
    kernel : {"auto", "numpy", "c"}
        ``"auto"`` takes the compiled engine if there is one.
    instruction_set : {"avx512", "avx2", "base"}, optional
        For the compiled engine; by default the widest. The same one gives the same bits on every machine that has it.

    Raises
    ------
    ModelError
        If there is no such engine here.

    Examples
    --------
    >>> set_kernel("numpy")
    >>> kernel_in_use()
    'numpy'
    >>> set_kernel("auto")
    """
    if kernel not in get_args(Kernel):
        raise ModelError("structure.unknown_option", option="kernel", value=kernel, known=", ".join(get_args(Kernel)))
    available = instruction_sets()
    if kernel == "c" and not available:
        raise ModelError("structure.kernel_missing")
    if instruction_set is not None and instruction_set not in available:
        known = ", ".join(available) or "–"
        raise ModelError("structure.unknown_option", option="instruction_set", value=instruction_set, known=known)
    _chosen.update(kernel=kernel, instruction_set=instruction_set or "")


def kernel_in_use() -> str:
    """Return ``"numpy"``, or the compiled engine's instruction set such as ``"c avx2"``.

    Returns
    -------
    str
    """
    available = instruction_sets()
    if _chosen["kernel"] == "numpy" or not available:
        return "numpy"
    return f"c {_chosen['instruction_set'] or available[0]}"


def kernel_environment(wanted: Mapping[str, str] | None) -> dict[str, str]:
    """Say which engine computes here, after choosing the wanted one if it is there: workers do as their parent does.

    Parameters
    ----------
    wanted : mapping of str to str or None
        What this returned where the work was begun.

    Returns
    -------
    dict
        ``{"kernel": …}``.
    """
    kernel, _, instruction_set = (wanted or {}).get("kernel", "").partition(" ")
    if kernel == "numpy":
        set_kernel("numpy")
    elif kernel == "c" and instruction_set in instruction_sets():
        set_kernel("c", instruction_set)
    return {"kernel": kernel_in_use()}


def count_draws(words: Sequence[int], indices: NDArray[np.int64], sizes: Sequence[int]) -> list[Floats] | None:
    """Count how often each element of several sets is drawn, as :func:`cbecmodel.structure.resampling.seeds.draw_counts`.

    Parameters
    ----------
    words : sequence of int
        32 bits each: the seed's entropy (at least four), its key, and a place for the replicate's index.
    indices : ndarray of int, shape (R,)
    sizes : sequence of int

    Returns
    -------
    list of ndarray, shape (R, size), or None
        None if it is not compiled here.
    """
    if kernel_in_use() == "numpy":
        return None
    counts = [np.empty((len(indices), size)) for size in sizes]
    whole = _whole(words), len(words), _whole(indices), len(indices), _whole(sizes), counts
    return counts if _module().count_draws(*whole) else None


def compiled_search(batch: Batch, moments: ManyMoments, shares: Sequence[Floats], points: Floats) -> Search:
    """Minimise the discrepancies of many samples.

    Parameters
    ----------
    batch : Batch
    moments : ManyMoments
        Of R samples.
    shares : sequence of ndarray, shape (R,)
        What each group counts.
    points : ndarray, shape (R, r)
        Where to start.

    Returns
    -------
    Search
    """
    size, r = points.shape
    z, value, gradient = np.empty((size, r)), np.empty(size), np.empty(size)
    evaluations = np.zeros(size, dtype=np.int64)
    task = (size, MAX_EVALUATIONS, GRADIENT, DECREMENT, _reals(points), z, value, gradient, evaluations)
    isa = kernel_in_use().partition(" ")[2]
    _module().search(isa, _model(batch), _groups(batch, moments, shares), task)
    return Search(z, value, gradient, evaluations.astype(np.intp))


def compiled_discrepancies(
    batch: Batch, moments: ManyMoments, shares: Sequence[Floats], points: Floats
) -> tuple[Floats, Floats]:
    """Return discrepancies and their gradients; see :func:`cbecmodel.structure.resampling.engine.discrepancies`.

    Parameters
    ----------
    batch : Batch
    moments : ManyMoments
    shares : sequence of ndarray, shape (R,)
    points : ndarray, shape (R, r)

    Returns
    -------
    value : ndarray, shape (R,)
    gradient : ndarray, shape (R, r)
    """
    size, r = points.shape
    value, gradient = np.empty(size), np.empty((size, r))
    task = (size, 1, 0.0, 0.0, _reals(points), np.empty((size, r)), value, gradient, np.zeros(size, dtype=np.int64))
    isa = kernel_in_use().partition(" ")[2]
    _module().evaluate(isa, _model(batch), _groups(batch, moments, shares), task)
    return value, gradient


def _reals(values: Any) -> Floats:
    return np.ascontiguousarray(values, dtype=np.float64)


def _whole(values: Any) -> NDArray[np.int64]:
    return np.ascontiguousarray(values, dtype=np.int64)


def _model(batch: Batch) -> tuple[Any, ...]:
    """Return what the compiled engine needs of a model, in the order of ``read_model``."""
    space = batch.work.space
    q, r = space.basis.shape
    rows, columns = np.nonzero(space.basis)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=q))])
    means = batch.work.pattern.means or batch.method == "FIML"
    return (
        _METHODS[batch.method], int(means), q, r, len(rows), _reals(space.offset), _whole(starts), _whole(columns),
        _reals(space.basis[rows, columns]), _reals(batch.preconditioner),
    )  # fmt: skip


def _groups(batch: Batch, moments: ManyMoments, shares: Sequence[Floats]) -> list[tuple[Any, ...]]:
    """Return what it needs of each group, in the order of ``read_group``."""
    found = []
    for number, (group, sample, share) in enumerate(zip(batch.groups, moments.groups, shares, strict=True)):
        cases = batch.cases[number] if batch.method == "FIML" else None
        weights: tuple[Any, Any] = (None, None)
        if batch.method == "GLS":
            weights = (_reals(inverse_logdet(sample.cov)[0]), None)
        elif batch.method in ("ULS", "DWLS"):
            weights = (_reals(sample.moment_weights), _reals(sample.mean_weights))
        found.append((
            *_layout(group),
            _reals(share), _reals(sample.cov), _reals(sample.mean), _reals(_given(group, sample, cases)), *weights,
            None if cases is None else _incomplete(cases, sample),
        ))  # fmt: skip
    return found


def _layout(group: ReducedGroup) -> tuple[Any, ...]:
    free, given = _listed(group.free), _listed(group.given)
    spots = group.fixed[LOADING] != 0
    spots[group.free[LOADING].row, group.free[LOADING].column] = True
    loading_row, loading_column = np.nonzero(spots)
    return (
        group.p, group.m, int(group.recursive_free), int(_cyclic(group)), len(free[0]), len(given[0]), len(loading_row),
        *(_reals(matrix) for matrix in group.fixed),
        *(_whole(part) for part in free),
        *(_whole(part) for part in given[:3]),
        _whole(loading_row), _whole(loading_column),
    )  # fmt: skip


def _listed(cells: Sequence[Cells]) -> list[NDArray[np.intp]]:
    """Return kind, row, column and source of all elements, kind by kind."""
    kinds = np.repeat(np.arange(len(cells)), [len(one.row) for one in cells])
    return [kinds, *(np.concatenate([getattr(one, name) for one in cells]) for name in ("row", "column", "source"))]


def _cyclic(group: ReducedGroup) -> bool:
    """Return whether paths run in circles: then some power of their pattern never vanishes."""
    paths = group.fixed[REGRESSION] != 0
    paths[group.free[REGRESSION].row, group.free[REGRESSION].column] = True
    power = paths.copy()
    for _ in range(group.m):
        power = (power.astype(np.int64) @ paths) > 0
    return bool(power.any())


def _given(group: ReducedGroup, sample: GroupMoments, cases: Cases | None) -> Floats:
    """Return the elements taken from each sample, shape (R, n_given)."""
    cov, mean = sample.cov, sample.mean
    if cases is not None:
        cov, mean = cov - mean[:, :, None] * mean[:, None, :], mean + cases.centre
    parts = [np.zeros((len(mean), 0))]
    for kind, cells in enumerate(group.given):
        parts.append(mean[:, cells.source] if kind >= OBSERVED_MEAN else cov[:, cells.source, cells.other])
    return np.concatenate(parts, axis=1)


def _incomplete(cases: Cases, sample: GroupMoments) -> tuple[Any, ...]:
    """Return the patterns of missing answers, in the order of ``read_incomplete``."""
    hidden = [np.zeros(0, dtype=np.intp), *cases.hidden]
    members = [np.zeros(0, dtype=np.intp), *cases.members]
    lost = sample.weights @ (1 - cases.answered).sum(axis=1)
    return (
        cases.n, len(cases.hidden), sum(map(len, hidden)), sum(map(len, members)), max(map(len, hidden)),
        _reals(cases.deviations), _reals(cases.centre), _reals(sample.weights), _reals(lost),
        _whole(np.cumsum([len(part) for part in hidden])), _whole(np.concatenate(hidden)),
        _whole(np.cumsum([len(part) for part in members])), _whole(np.concatenate(members)),
    )  # fmt: skip
