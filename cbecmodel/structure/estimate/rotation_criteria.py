r"""Rotation criteria: simple structure as a number to be minimised, with its gradient.

Every criterion takes loadings of shape (…, p, m), real or complex (complex numbers serve exact derivatives), and returns
the value and :math:`\partial Q / \partial \Lambda`.

References
----------
.. [1] Bernaards, C. A., & Jennrich, R. I. (2005). Gradient projection algorithms and software for arbitrary rotation criteria
   in factor analysis. Educational and Psychological Measurement, 65, 676-696.
.. [2] Browne, M. W. (2001). An overview of analytic rotation in exploratory factor analysis. Multivariate Behavioral
   Research, 36, 111-150.
.. [3] Jennrich, R. I., & Bentler, P. M. (2012). Exploratory bi-factor analysis: The oblique case. Psychometrika, 77, 442-454.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError

Floats = NDArray[np.float64]
Array = NDArray[Any]
Criterion = Callable[[Array], tuple[Array, Array]]

CRAWFORD_FERGUSON: Final = ("cf_quartimax", "cf_varimax", "cf_equamax", "cf_parsimax", "cf_facparsim")
ORTHOGONAL: Final = ("varimax", "quartimax", "orthomax")
OBLIQUE: Final = ("geomin", "oblimin", "quartimin", "promax", "target", "bi_geomin", "bi_quartimin", *CRAWFORD_FERGUSON)
METHODS: Final = (*OBLIQUE, *ORTHOGONAL)


@dataclass(frozen=True, slots=True)
class RotationOptions:
    """How factors are rotated.

    Attributes
    ----------
    method : str
        One of ``METHODS``.
    orthogonal : bool, optional
        Keep factors uncorrelated; by default what the criterion was made for.
    geomin_epsilon : float
    oblimin_gamma, orthomax_gamma : float
    promax_kappa : float
        Power of the promax target.
    target : ndarray, shape (p, m), optional
        For ``"target"``; NaN where nothing is asked for.
    row_weights : {"default", "none", "kaiser"}
        Kaiser divides rows by the root of their communalities; default for varimax and promax.
    std_ov : bool
        Rotate the loadings of standardized variables.
    rstarts : int
        Random starts beside the unrotated solution.
    seed : int
        They are drawn from it.
    reflect : bool
        Make the sum of each factor's loadings positive.
    order_lv_by : {"index", "sumofsquares", "none"}
        Order of the factors: by the mean position of their salient items, by their sums of squares, or as they come.
    se : {"bordered", "delta"}
        Standard errors: see :mod:`cbecmodel.structure.inference.rotated`.
    """

    method: str = "geomin"
    orthogonal: bool | None = None
    geomin_epsilon: float = 0.001
    oblimin_gamma: float = 0.0
    orthomax_gamma: float = 1.0
    promax_kappa: float = 4.0
    target: Floats | None = field(default=None, compare=False)
    row_weights: str = "default"
    std_ov: bool = True
    rstarts: int = 30
    seed: int = 0
    reflect: bool = True
    order_lv_by: str = "index"
    se: str = "bordered"

    def __post_init__(self) -> None:
        known = {
            "method": METHODS,
            "row_weights": ("default", "none", "kaiser"),
            "order_lv_by": ("index", "sumofsquares", "none"),
            "se": ("bordered", "delta"),
        }
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ModelError(
                    "structure.unknown_option",
                    option="rotation" if name == "method" else f"rotation_args[{name}]",
                    value=getattr(self, name),
                    known=", ".join(values),
                )
        if self.method in ORTHOGONAL and self.orthogonal is False:
            raise ModelError("structure.rotation_orthogonal", method=self.method)
        if self.method == "promax" and self.orthogonal:
            raise ModelError("structure.rotation_promax")
        if self.method == "target" and self.target is None:
            raise ModelError("structure.rotation_needs_target")

    @property
    def is_orthogonal(self) -> bool:
        """Return whether factors stay uncorrelated.

        Returns
        -------
        bool
        """
        return self.method in ORTHOGONAL if self.orthogonal is None else bool(self.orthogonal)

    @property
    def kaiser(self) -> bool:
        """Return whether rows are weighted by their communalities.

        Returns
        -------
        bool
        """
        if self.row_weights == "default":
            return self.method in {"varimax", "promax"}
        return self.row_weights == "kaiser"


def rotation_options(method: str, args: Mapping[str, Any] | None = None) -> RotationOptions:
    """Read what was asked for.

    Parameters
    ----------
    method : str
        ``-`` may stand for ``_``.
    args : mapping, optional
        Further fields of :class:`RotationOptions`.

    Returns
    -------
    RotationOptions

    Raises
    ------
    ModelError

    Examples
    --------
    >>> rotation_options("cf-varimax", {"rstarts": 10}).rstarts
    10
    """
    said = dict(args or {})
    known = [one.name for one in fields(RotationOptions) if one.name != "method"]
    for name in said:
        if name not in known:
            raise ModelError("structure.unknown_option", option="rotation_args", value=name, known=", ".join(known))
    if said.get("target") is not None:
        said["target"] = np.array(said["target"], dtype=np.float64)
    return RotationOptions(method=str(method).lower().replace("-", "_"), **said)


def criterion_of(options: RotationOptions, shape: tuple[int, int]) -> Criterion:
    """Return the function a rotation minimises.

    Parameters
    ----------
    options : RotationOptions
        Promax has none of its own: its first step, varimax, is returned.
    shape : (int, int)
        Items and factors.

    Returns
    -------
    callable
        From loadings to value and gradient.

    Raises
    ------
    ModelError
        If the target has another shape.
    """
    p, m = shape
    if options.method == "geomin":
        return lambda loadings: _geomin(loadings, options.geomin_epsilon)
    if options.method in {"oblimin", "quartimin"}:
        gamma = options.oblimin_gamma if options.method == "oblimin" else 0.0
        return lambda loadings: _oblimin(loadings, gamma)
    if options.method in {"orthomax", "varimax", "quartimax", "promax"}:
        gamma = {"orthomax": options.orthomax_gamma, "quartimax": 0.0}.get(options.method, 1.0)
        return lambda loadings: _orthomax(loadings, gamma)
    if options.method in CRAWFORD_FERGUSON:
        kappa = dict(zip(CRAWFORD_FERGUSON, (0.0, 1 / p, m / (2 * p), (m - 1) / (p + m - 2), 1.0), strict=True))
        return lambda loadings: _crawford_ferguson(loadings, kappa[options.method])
    if options.method in {"bi_geomin", "bi_quartimin"}:
        epsilon = options.geomin_epsilon
        inner: Criterion = (lambda rest: _geomin(rest, epsilon)) if options.method == "bi_geomin" else _quartimin
        return lambda loadings: _without_first(loadings, inner)
    target = np.zeros((0, 0)) if options.target is None else options.target
    if target.shape != (p, m):
        found = " × ".join(map(str, target.shape))
        raise ModelError("structure.rotation_target_shape", shape=f"{p} × {m}", found=found)
    asked = np.isfinite(target)
    aim = np.where(asked, target, 0.0)
    return lambda loadings: _target(loadings, aim, asked)


def _geomin(loadings: Array, epsilon: float) -> tuple[Array, Array]:
    squares = loadings * loadings + epsilon
    mean = np.exp(np.log(squares).mean(axis=-1))
    return mean.sum(axis=-1), 2 / loadings.shape[-1] * loadings / squares * mean[..., None]


def _oblimin(loadings: Array, gamma: float) -> tuple[Array, Array]:
    squares = loadings * loadings
    others = squares.sum(axis=-1, keepdims=True) - squares
    if gamma:
        others = others - gamma * others.mean(axis=-2, keepdims=True)
    return (squares * others).sum(axis=(-2, -1)) / 4, loadings * others


def _quartimin(loadings: Array) -> tuple[Array, Array]:
    return _oblimin(loadings, 0.0)


def _orthomax(loadings: Array, gamma: float) -> tuple[Array, Array]:
    squares = loadings * loadings
    centred = squares - gamma * squares.mean(axis=-2, keepdims=True)
    return -(squares * centred).sum(axis=(-2, -1)) / 4, -loadings * centred


def _crawford_ferguson(loadings: Array, kappa: float) -> tuple[Array, Array]:
    squares = loadings * loadings
    in_row = squares.sum(axis=-1, keepdims=True) - squares
    in_column = squares.sum(axis=-2, keepdims=True) - squares
    mixed = (1 - kappa) * in_row + kappa * in_column
    return (squares * mixed).sum(axis=(-2, -1)) / 4, loadings * mixed


def _without_first(loadings: Array, inner: Criterion) -> tuple[Array, Array]:
    value, slope = inner(loadings[..., 1:])
    return value, np.concatenate([np.zeros_like(loadings[..., :1]), slope], axis=-1)


def _target(loadings: Array, aim: Floats, asked: NDArray[np.bool_]) -> tuple[Array, Array]:
    gap = np.where(asked, loadings - aim, 0.0)
    return (gap * gap).sum(axis=(-2, -1)), 2 * gap
