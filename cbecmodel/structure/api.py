"""What users call: ``sem``, ``cfa`` and ``growth``."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.checks import active_findings, product_findings, solution_findings
from cbecmodel.structure.estimate.failure import no_convergence
from cbecmodel.structure.estimate.least_squares import LEAST_SQUARES, weight_matrix
from cbecmodel.structure.estimate.matrices import pattern_of
from cbecmodel.structure.estimate.native import Problem
from cbecmodel.structure.estimate.threads import one_thread
from cbecmodel.structure.inference.rotated import rotate_solution, rotation_findings, unrotated_table
from cbecmodel.structure.inputs import options_for_table, ordinal_statistics, read_samples
from cbecmodel.structure.levels.fit import fit_levels
from cbecmodel.structure.levels.table import has_levels
from cbecmodel.structure.lms.fit import fit_products, products_to_integrate
from cbecmodel.structure.options import Function, Options, check_options
from cbecmodel.structure.readouts.crosscheck import ENGINES
from cbecmodel.structure.results import SEMResults
from cbecmodel.structure.sample.columns import Floats, frame_of
from cbecmodel.structure.sample.groups import grouped
from cbecmodel.structure.sample.ordinal_groups import ordered_of
from cbecmodel.structure.table.auxiliary import with_auxiliary
from cbecmodel.structure.table.bounds import bounded
from cbecmodel.structure.table.constraints import equality_space, require_labels
from cbecmodel.structure.table.defaults import parameter_table
from cbecmodel.structure.table.limits import limits_of, touched
from cbecmodel.structure.table.products import with_latent_products

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.table.partable import ParameterTable


def sem(
    model: str | ParameterTable,
    data: Any = None,
    *,
    estimator: str = "ML",
    se: str | None = None,
    missing: str = "listwise",
    group: str | None = None,
    group_equal: str | Sequence[str] = (),
    group_partial: str | Sequence[str] = (),
    ordered: str | Sequence[str] | bool = (),
    parameterization: str = "delta",
    std_lv: bool = False,
    orthogonal: bool = False,
    meanstructure: bool | None = None,
    fixed_x: bool = True,
    cluster: str | None = None,
    weights: str | None = None,
    bounds: Any = None,
    rotation: str = "geomin",
    rotation_args: Mapping[str, Any] | None = None,
    likelihood: str = "normal",
    information: str | None = None,
    test: str | None = None,
    sample_cov: pd.DataFrame | None = None,
    sample_mean: pd.Series[float] | Mapping[str, float] | None = None,
    sample_nobs: int | None = None,
    engine: str = "native",
    interaction: str = "double_mean_centring",
    strata: str | None = None,
    fpc: str | None = None,
    auxiliary: str | Sequence[str] = (),
) -> SEMResults:
    """Fit a structural equation model.

    Parameters
    ----------
    model : str or ParameterTable
        lavaan syntax, or a table that was edited. A product with a latent variable (``y ~ x + m + x:m``, ``y ~ x + x:x``) is
        measured by product indicators, see ``interaction``.
    data : pandas.DataFrame, or an object with a ``frame`` such as survey responses
        Cases with a missing value on a variable of the model are left out and counted.
    estimator : {"ML", "MLR", "MLM", "MLMV", "MLMVS", "MLF", "GLS", "ULS", "WLS", "DWLS", "WLSM", "WLSMV", "ULSMV"}
        The first six are maximum likelihood; they differ in standard errors and tests: MLR has Huber-White errors and the
        Yuan-Bentler test (as Mplus), MLM robust errors and the Satorra-Bentler test, MLMV the scaled and shifted one, MLMVS
        the mean- and variance-adjusted one, MLF errors from first derivatives. The others are generalized, unweighted,
        weighted and diagonally weighted least squares; they have no likelihood. ULS and DWLS have robust errors,
        WLSM and WLSMV are DWLS with a Satorra-Bentler or a scaled and shifted test, ULSMV is ULS with the latter. With ordinal
        variables ML means WLSMV, as in lavaan.
    se : {"standard", "robust_sem", "robust_huber_white", "first_order", "cluster", "bootstrap", "none"}, optional
        What the estimator implies if not given; two-stage estimation has ``"two_stage"``. ``"cluster"`` is what ``cluster``
        implies anyway. ``"bootstrap"`` takes errors and percentile intervals from 1000 resamples with seed 1;
        :meth:`SEMResults.bootstrap` lets number, seed and kind be chosen.
    missing : {"listwise", "pairwise", "fiml", "two_stage", "robust_two_stage"}
        Leave incomplete cases out; use what answers there are to each pair (ordinal variables); use all answers by
        full-information maximum likelihood (ML or MLR); or estimate the moments from all answers first and fit the model to
        them (ML), with errors and a scaled test that know it.
    group : str, optional
        Column of the groups; they are numbered in order of first appearance.
    group_equal : str or sequence of str
        What is equal across groups: loadings, intercepts, means, regressions, residuals, residual_covariances,
        thresholds, lv_variances, lv_covariances, composite_loadings.
    group_partial : str or sequence of str
        Parameters exempt from that, such as ``"x3 ~ 1"``.
    rotation : str
        How blocks ``efa("name")*f1 + efa("name")*f2 =~ …`` are rotated: ``"geomin"``, ``"oblimin"``, ``"quartimin"``,
        ``"promax"``, ``"target"``, ``"bi_geomin"``, ``"bi_quartimin"``, ``"cf_varimax"`` and its kin, ``"varimax"``,
        ``"quartimax"``, ``"orthomax"`` or ``"none"``. Loadings that are equal across groups share one rotation.
    rotation_args : mapping, optional
        Fields of :class:`~cbecmodel.structure.estimate.rotation_criteria.RotationOptions`, such as ``{"orthogonal": True}``.
        ``{"se": "delta"}`` gives exact delta-method errors of oblique rotations of standardized items; the default follows
        lavaan, whose derivatives leave the factors' correlations out of the items' variances.
    bounds : str or mapping, optional
        ``"standard"`` keeps variances, loadings and covariances where they mean something, ``"wide"`` a little further out,
        ``"pos_var"`` only keeps variances from being negative; or ``{"x1 ~~ x1": (0, 2), "b": (None, 1)}``. Bounds may
        also be written in the model: ``lower(0)*x1``, ``upper(2)*x1``. Standard errors ignore bounds.
    ordered : str, sequence of str, or True
        Ordinal variables (True: all endogenous observed ones); ordered categoricals are ordinal without being named. They
        get thresholds, ``x | t1 + t2``, and scales, ``x ~*~ x``; correlations are polychoric and polyserial, given fixed
        exogenous variables. ``group_equal="thresholds"`` frees the scales (delta) or residual variances (theta) of later
        groups, and the latent means.
    parameterization : {"delta", "theta"}
        Whether scales or residual variances of ordinal variables are parameters.
    cluster : str, optional
        Column of the clusters (schools, primary sampling units) within which answers depend on each other. Standard errors
        and tests of ML and MLR then hold whatever that dependence is; those of MLM are of the Satorra-Bentler kind.
        A model with ``level: 1`` and ``level: 2`` blocks is a two-level model with random intercepts (ML or MLR) and gives
        :class:`~cbecmodel.structure.levels.results.TwoLevelResults`.
    weights : str, optional
        Column of the sampling weights, all positive; they are scaled to mean one. Errors and tests are robust ones.
    strata, fpc : str, optional
        Columns of the strata that clusters (or cases) were drawn from, and of the number of clusters each stratum has in the
        population (or the share that was drawn, if at most one): errors and tests are those of the stratified survey.
    auxiliary : str or sequence of str
        With ``missing="fiml"``: variables beside the model that say something about its missing answers; they covary with
        all observed variables, and the baseline model lets them.
    std_lv : bool
        Give latent variables variance one instead of fixing each first loading.
    orthogonal : bool
        Latent variables do not covary unless the model says so.
    meanstructure : bool, optional
        Model the means; by default when the model has an intercept.
    fixed_x : bool
        Take moments of exogenous observed variables as given; under least squares they are always estimated.
    likelihood : {"normal", "wishart"}
        Divide by N or N - 1.
    information : {"expected", "observed", "first_order"}, optional
        Which information standard errors come from; by default expected, with MLR or incomplete data observed.
    test : {"standard", "satorra_bentler", "yuan_bentler_mplus", "scaled_shifted", "mean_var_adjusted"}, optional
        What the estimator implies if not given.
    sample_cov : pandas.DataFrame, optional
        Covariances (divisor N - 1) instead of data, with ``sample_nobs`` and, for means, ``sample_mean``.
    sample_mean, sample_nobs : pandas.Series or mapping; int; optional
    engine : {"native", "semopy"}
        Where the estimates come from; everything else is computed here in either case.
    interaction : {"double_mean_centring", "mean_centring", "residual_centring", "lms"}
        How products with a latent variable are made (:func:`cbecmodel.latent_interaction`; ML then gets errors and test of
        MLR); or by maximum likelihood without any, :class:`~cbecmodel.structure.lms.results.ProductResults`.

    Returns
    -------
    SEMResults

    Raises
    ------
    ModelSyntaxError, ModelError, DataError, ConvergenceError

    References
    ----------
    .. [1] Rosseel, Y. (2012). lavaan: An R package for structural equation modeling. Journal of Statistical Software, 48(2).
    .. [2] Bollen, K. A. (1989). Structural equations with latent variables. Wiley.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import political_democracy
    >>> fit = cbec.sem("ind60 =~ x1 + x2 + x3; dem60 =~ y1 + y2 + y3 + y4; dem60 ~ ind60", political_democracy.get_data())
    >>> fit.df, round(float(fit.fit_measures["chisq"]), 3)
    (13, 23.738)
    """
    return _fit("sem", dict(locals()))


def cfa(model: str | ParameterTable, data: Any = None, **options: Any) -> SEMResults:
    """Fit a confirmatory factor analysis, with lavaan's defaults for ``cfa``.

    Parameters
    ----------
    model, data, **options
        As in :func:`sem`.

    Returns
    -------
    SEMResults

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> fit = cbec.cfa("visual =~ x1 + x2 + x3; textual =~ x4 + x5 + x6; speed =~ x7 + x8 + x9", holzinger39.get_data())
    >>> round(float(fit.fit_measures["chisq"]), 3)
    85.306
    """
    return _fit("cfa", _all_options(model, data, options))


def growth(model: str | ParameterTable, data: Any = None, **options: Any) -> SEMResults:
    """Fit a latent growth curve model, with lavaan's defaults for ``growth``.

    Parameters
    ----------
    model, data, **options
        As in :func:`sem`; means are modelled: latent ones are free, intercepts of indicators zero.

    Returns
    -------
    SEMResults

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import cbecmodel as cbec
    >>> rng = np.random.default_rng(1)
    >>> level, slope = 5 + rng.standard_normal(300), 1 + 0.5 * rng.standard_normal(300)
    >>> data = pd.DataFrame({f"t{k}": level + k * slope + 0.5 * rng.standard_normal(300) for k in range(4)})
    >>> fit = cbec.growth("i =~ 1*t0 + 1*t1 + 1*t2 + 1*t3; s =~ 0*t0 + 1*t1 + 2*t2 + 3*t3", data)
    >>> fit.df, fit.parameters.query("op == '~1' and lhs == 's'")["est"].round(1).tolist()
    (5, [1.0])
    """
    return _fit("growth", _all_options(model, data, options))


def _all_options(model: str | ParameterTable, data: Any, options: dict[str, Any]) -> dict[str, Any]:
    import inspect

    bound = inspect.signature(sem).bind(model, data, **options)
    bound.apply_defaults()
    return dict(bound.arguments)


def _fit(function: Function, asked: dict[str, Any]) -> SEMResults:
    model, data = asked.pop("model"), asked.pop("data")
    summary = tuple(asked.pop(name) for name in ("sample_cov", "sample_mean", "sample_nobs"))
    ready = None if isinstance(model, str) else model
    if isinstance(model, str) and (products := products_to_integrate(model, asked)):
        return fit_products(function, model, data, asked, products)
    if isinstance(model, str) and has_levels(model):
        return fit_levels(function, model, data, asked)
    if isinstance(model, str):
        model, data, asked = with_latent_products(model, data, asked)
        model, asked = with_auxiliary(model, asked)
    else:
        asked, model = options_for_table(model, asked), model.to_syntax()
    frame = None if data is None else frame_of(data)
    options = check_options(function, asked | {"ordered": ordered_of(model, frame, asked["ordered"])})
    frame, labels, members = grouped(data, options.group)
    if ready is not None and ready.n_groups != len(labels):
        raise ModelError("structure.table_groups", rows=ready.n_groups, groups=len(labels))
    if options.ordered and frame is not None:
        table, samples = ordinal_statistics(model, options, frame, labels, members)
    else:
        table = parameter_table(model, options, labels) if ready is None else ready
        samples = read_samples(table, options, frame, (labels, members), summary)
    table = replace(bounded(table, samples, options.bounds), auxiliary=options.auxiliary)
    return fit_table(table, samples, options, model=model, data=data, group_labels=labels)


def fit_table(
    table: ParameterTable,
    samples: tuple[SampleMoments, ...],
    options: Options,
    *,
    model: str = "",
    data: Any = None,
    group_labels: tuple[str, ...] = ("",),
) -> SEMResults:
    """Estimate the model of a parameter table.

    Parameters
    ----------
    table : ParameterTable
    samples : tuple of SampleMoments
        One a group.
    options : Options
    model : str
        Its syntax, to be remembered.
    data : object, optional
        Where the moments come from, for the index of the cases used and whether they were simulated.
    group_labels : tuple of str

    Returns
    -------
    SEMResults

    Raises
    ------
    ModelError, ConvergenceError
    """
    rules = [rule for rule in table.constraints if rule.op == ":="]
    known = {row.label for row in table.rows if row.label} | {rule.lhs for rule in rules}
    require_labels([rule.right for rule in rules], known)
    weights = _weights(table, samples, options.estimator)
    estimated = unrotated_table(table, samples, options)
    space = equality_space(estimated)
    problem = Problem(estimated, samples, pattern_of(estimated, samples), space, weights, limits_of(estimated, space))
    with one_thread():
        optimum = ENGINES[options.engine].estimate(problem)
    if not optimum.converged:
        raise no_convergence(problem, optimum, options.engine, group_labels)
    held = None if problem.limits is None else touched(problem.limits, optimum.x)
    problem, optimum, rotation = rotate_solution(problem, optimum, table, options)
    fit = SEMResults(
        options,
        problem if held is None or rotation else replace(problem, space=held.space),
        optimum,
        model=model or table.to_syntax(),
        group_labels=group_labels,
        data_used=_used(data, samples),
        synthetic=bool(getattr(data, "synthetic", False)),
    )
    fit.rotation = rotation
    findings = [*product_findings(table, options.se), *active_findings(held), *rotation_findings(rotation)]
    findings += solution_findings(problem, fit.x, fit.unidentified, fit.df, group_labels)
    fit.warnings = tuple(finding.warning() for finding in findings)
    for warning in fit.warnings:
        warnings.warn(warning, stacklevel=4)
    return fit


def _weights(table: ParameterTable, samples: tuple[SampleMoments, ...], estimator: str) -> tuple[Floats, ...]:
    if estimator not in LEAST_SQUARES:
        return ()
    return tuple(weight_matrix(sample, estimator, table.meanstructure) for sample in samples)


def _used(data: Any, samples: tuple[SampleMoments, ...]) -> pd.Index | None:
    if data is None or samples[0].rows is None:
        return None
    return frame_of(data).index[np.concatenate([sample.rows for sample in samples if sample.rows is not None])]
