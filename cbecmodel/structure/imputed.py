"""Fitting one model to several imputed data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from cbecmodel.errors import ConvergenceError, DataError, ModelError, ModelWarning, warn
from cbecmodel.structure.api import cfa, growth, sem
from cbecmodel.structure.levels.table import has_levels
from cbecmodel.structure.readouts.pooled import ImputedResults

if TYPE_CHECKING:
    from collections.abc import Sequence

_FUNCTIONS = {"sem": sem, "cfa": cfa, "growth": growth}


def sem_mi(
    model: str, datasets: Sequence[Any], *, function: Literal["sem", "cfa", "growth"] = "sem", **options: Any
) -> ImputedResults:
    """Fit a model to imputed data sets and pool what they say by Rubin's rules.

    Parameters
    ----------
    model : str
        lavaan syntax.
    datasets : sequence of pandas.DataFrame
        Two or more completions of the same data, cases in the same order, by whatever imputes well (for instance
        ``statsmodels.imputation.mice`` or scikit-learn's ``IterativeImputer(sample_posterior=True)``).
    function : {"sem", "cfa", "growth"}
        Whose defaults the model has.
    **options
        As in :func:`cbecmodel.sem`; any estimator.

    Returns
    -------
    ImputedResults

    Raises
    ------
    DataError
        If there are fewer than two data sets, or they differ in cases.
    ConvergenceError
        If fewer than two fits converge; fits that do not are left out with a warning that names them.

    References
    ----------
    .. [1] Rubin, D. B. (1987). Multiple imputation for nonresponse in surveys. Wiley.
    .. [2] Barnard, J., & Rubin, D. B. (1999). Small-sample degrees of freedom with multiple imputation. Biometrika, 86,
       948-955.

    Examples
    --------
    >>> import numpy as np
    >>> import cbecmodel as cbec
    >>> from semopy.examples import political_democracy
    >>> rng = np.random.default_rng(1)
    >>> data = political_democracy.get_data()
    >>> drawn = [data.assign(x1=data["x1"] + 0.2 * rng.standard_normal(len(data))) for _ in range(5)]
    >>> fit = cbec.sem_mi("f =~ x2 + x1 + x3", drawn)
    >>> fit.m, bool(fit.parameters["fmi"].max() > 0)
    (5, True)
    """
    if isinstance(datasets, (str, dict)) or not hasattr(datasets, "__len__") or len(datasets) < 2:
        raise DataError("structure.mi_two")
    if function not in _FUNCTIONS:
        raise ModelError("structure.unknown_option", option="function", value=function, known=", ".join(_FUNCTIONS))
    if has_levels(model):
        raise ModelError("structure.mi_levels")
    fits, failed = [], []
    for number, data in enumerate(datasets, start=1):
        try:
            fits.append(_FUNCTIONS[function](model, data, **options))
        except ConvergenceError:
            failed.append(number)
    if len(fits) < 2:
        raise ConvergenceError("structure.mi_failed", count=len(datasets))
    if failed:
        warn(ModelWarning, "structure.mi_dropped", numbers=", ".join(map(str, failed)), stacklevel=2)
    sizes = {fit.n_obs for fit in fits}
    if len(sizes) > 1:
        raise DataError("structure.mi_sizes", sizes=", ".join(map(str, sorted(sizes))))
    return ImputedResults(tuple(fits), len(datasets))
