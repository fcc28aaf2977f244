"""One call for a policy effect: it checks what was asked and hands it to the estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cbecmodel.errors import PanelError
from cbecmodel.policy.callaway_santanna import estimate_callaway_santanna
from cbecmodel.policy.panel import Panel
from cbecmodel.policy.specification import Specification, check_specification
from cbecmodel.policy.sun_abraham import estimate_sun_abraham
from cbecmodel.policy.twfe import estimate_twfe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cbecmodel.policy.options import (
        Aggregation,
        BasePeriod,
        ControlGroup,
        Engine,
        Estimator,
        Method,
        SmallSample,
        Transform,
        Vcov,
    )
    from cbecmodel.policy.results import PolicyResults

ESTIMATORS: Final[dict[str, Callable[[Panel, Specification], PolicyResults]]] = {
    "twfe": estimate_twfe,
    "callaway_santanna": estimate_callaway_santanna,
    "sun_abraham": estimate_sun_abraham,
}


def policy_effect(
    panel: Panel,
    outcome: str,
    estimator: Estimator = "twfe",
    *,
    treatment: str | None = None,
    controls: Sequence[str] = (),
    fixed_effects: Sequence[str] = ("unit", "time"),
    weights: str | None = None,
    control_group: ControlGroup = "never",
    base_period: BasePeriod = "varying",
    aggregation: Aggregation = "simple",
    anticipation: int = 0,
    vcov: Vcov = "cluster",
    cluster: str | Sequence[str] | None = None,
    small_sample: SmallSample = "fixest",
    bootstrap: int | None = None,
    seed: int | None = None,
    engine: Engine | None = None,
    transform: Transform | None = None,
    window: tuple[int, int] | None = None,
    method: Method = "dr",
) -> PolicyResults:
    r"""Estimate the effect of a policy on an outcome.

    Parameters
    ----------
    panel : Panel
        With cohorts (``cohort=…`` or ``.with_rollout(…)``), or any panel if ``treatment`` is given.
    outcome : str
        Column of the outcome.
    estimator : {"twfe", "callaway_santanna", "sun_abraham"}
        ``twfe``: two-way fixed effects,
        :math:`y_{it} = \alpha_i + \lambda_t + \tau D_{it} + x_{it}'\beta + \varepsilon_{it}`, and an event study with a
        coefficient for each time since adoption. With staggered adoption and effects that differ, :math:`\tau` is an
        average with weights that can be negative [1]_; a warning says so.
        ``callaway_santanna``: an effect for each cohort in each period, against units never or not yet treated, and their
        averages [2]_; controls enter through ``method``. It wants a balanced panel; incomplete units are left out and counted.
        ``sun_abraham``: two-way fixed effects with a coefficient for each cohort and event time, against the never treated,
        averaged by cohort size [3]_; units treated from the first period on are left out and counted.
    treatment : str, optional
        Column used as :math:`D_{it}` instead of the cohorts; may be continuous and may switch off. There is then no event study.
    controls : sequence of str
    fixed_effects : sequence of str
        ``unit`` and ``time`` mean the panel's; others are columns; ``province^year`` is each combination. Two at most.
    weights : str, optional
        Positive weights of rows.
    control_group : {"never", "not_yet"}
    base_period : {"varying", "universal"}
    aggregation : {"simple", "group", "dynamic", "calendar"}
        What ``att`` is. These three are for estimators with group-time effects; the others refuse them.
    anticipation : int
        Periods before adoption in which the policy may already work: the base of the event study is −1 − ``anticipation``, and
        :math:`D_{it}` is 1 from that many periods earlier on.
    vcov : {"cluster", "robust", "iid"}
    cluster : str or sequence of str, optional
        One or two columns (or ``unit``, ``time``); default ``unit``.
    small_sample : {"fixest", "reghdfe", "areg", "plm", "plm_sss", "none"}
        Convention of the small-sample factor; see :func:`~cbecmodel.policy.small_sample.correction`.
    bootstrap : int, optional
        Draws of a multiplier bootstrap for the simultaneous band; not for ``twfe``. Standard errors stay analytic.
    seed : int, optional
        Of the draws behind the simultaneous band.
    engine : {"linearmodels", "statsmodels"}, optional
        Which one gives the numbers (default linearmodels); :meth:`PolicyResults.cross_check` compares both.
    transform : {"log1p", "log", "asinh"}, optional
        Of the outcome.
    window : (int, int), optional
        First and last event time of the event study; times beyond are counted as these. Only for ``twfe``.
    method : {"dr", "ipw", "reg"}
        How group-time effects use controls: doubly robust, inverse probability weighting, or outcome regression.

    Returns
    -------
    PolicyResults

    Raises
    ------
    PanelError
        If a column is missing or not numeric, or adoption is not known.
    ModelError
        If an option does not exist or is not used by the estimator, the treatment does not vary once the effects are taken
        out, the outcome never changes, or controls are collinear.

    Warns
    -----
    DataWarning
        If rows were not used because a value is missing.
    PolicyWarning
        Few clusters, cohorts of one unit, staggered adoption under ``twfe``, no never-treated unit, event times that cannot be
        estimated.

    Notes
    -----
    The coefficient and its clustered error equal R's fixest to 1e-9 (``small_sample="fixest"``), and linearmodels and
    statsmodels agree to 1e-10.

    References
    ----------
    .. [1] de Chaisemartin, C. & D'Haultfœuille, X. (2020). Two-way fixed effects estimators with heterogeneous treatment
       effects. American Economic Review 110(9), 2964–2996.
    .. [2] Callaway, B. & Sant'Anna, P. H. C. (2021). Difference-in-differences with multiple time periods. Journal of
       Econometrics 225(2), 200–230.
    .. [3] Sun, L. & Abraham, S. (2021). Estimating dynamic treatment effects in event studies with heterogeneous treatment
       effects. Journal of Econometrics 225(2), 175–199.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"city": np.repeat(np.arange(40), 6), "year": np.tile(np.arange(2010, 2016), 40)})
    >>> frame["since"] = np.where(frame["city"] < 20, 2013, 0)
    >>> frame["y"] = 0.5 * ((frame["since"] > 0) & (frame["year"] >= 2013)) + rng.normal(scale=0.1, size=240)
    >>> res = policy_effect(Panel(frame, unit="city", time="year", cohort="since"), outcome="y")
    >>> round(res.att, 2), res.n_clusters, bool(res.cross_check()["agrees"].all())
    (0.46, 40, True)
    """
    if not isinstance(panel, Panel):
        raise PanelError("policy.not_a_panel", kind=type(panel).__name__)
    clusters = ("unit",) if cluster is None else (cluster,) if isinstance(cluster, str) else tuple(cluster)
    spec = Specification(
        outcome=outcome,
        estimator=estimator,
        treatment=treatment,
        controls=(controls,) if isinstance(controls, str) else tuple(controls),
        fixed_effects=(fixed_effects,) if isinstance(fixed_effects, str) else tuple(fixed_effects),
        weights=weights,
        control_group=control_group,
        base_period=base_period,
        aggregation=aggregation,
        anticipation=anticipation,
        vcov=vcov,
        cluster=clusters if vcov == "cluster" else (),
        small_sample=small_sample,
        bootstrap=bootstrap,
        seed=seed,
        engine="linearmodels" if engine is None else engine,
        transform=transform,
        window=window,
        method=method,
    )
    check_specification(spec, panel, ESTIMATORS)
    return ESTIMATORS[estimator](panel, spec)
