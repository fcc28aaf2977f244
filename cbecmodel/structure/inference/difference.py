r"""The scaled difference test of Satorra (2000), of any estimator whose weights and sampling covariances are known.

The smaller model imposes :math:`A \theta = 0` on the larger one (to first order). With :math:`P = \sum_g w_g \Delta_g' V_g
\Delta_g` and :math:`M = P^{-1} A' (A P^{-1} A')^{-} A P^{-1}`, the difference of the statistics is distributed as a sum of
chi-squares weighted by the eigenvalues of :math:`U \Gamma`, :math:`U = V \Delta M \Delta' V`.

References
----------
.. [1] Satorra, A. (2000). Scaled and adjusted restricted tests in multi-sample analysis of moment structures. In Innovations in
   multivariate statistical analysis (pp. 233-247). Kluwer.
.. [2] Asparouhov, T., & Muthen, B. (2010). Simple second order chi-square correction. Mplus technical appendix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from cbecmodel.errors import ModelError
from cbecmodel.structure.inference.blocks import Block, block_jacobians, moment_blocks
from cbecmodel.structure.inference.corrections import Correction
from cbecmodel.structure.inference.score import constraint_rows

if TYPE_CHECKING:
    from cbecmodel.structure.results import SEMResults
    from cbecmodel.structure.table.parameter import Parameter

Floats = NDArray[np.float64]
Restriction = Literal["delta", "exact"]
Shape = Literal["scaled", "scaled_shifted", "mean_var_adjusted"]


def satorra_2000(large: SEMResults, small: SEMResults, *, restriction: Restriction, shape: Shape) -> Correction:
    """Return the correction of the difference of two models' chi-squares.

    Parameters
    ----------
    large, small : SEMResults
        The second is nested in the first.
    restriction : {"delta", "exact"}
        How the restriction A is found: from the Jacobians of the moments, or from the two parameter tables.
    shape : {"scaled", "scaled_shifted", "mean_var_adjusted"}

    Returns
    -------
    Correction
        ``difference / factor + shift`` with ``df`` degrees of freedom.

    Raises
    ------
    ModelError
        If the models cannot be compared.
    """
    basis = _orthonormal(large)
    rows = _exact(large, small) if restriction == "exact" else _delta(large, small)
    if len(rows) != small.df - large.df:
        raise ModelError("structure.not_nested")
    blocks = moment_blocks(large.problem, large.x)
    loads = [one.weight @ one.delta for one in blocks]
    meat = sum(one.share * load.T @ one.gamma @ load for one, load in zip(blocks, loads, strict=True))
    factors = large.problem.standard.scale.parameters
    units = np.outer(factors, factors)
    pull = np.linalg.solve(basis.T @ (_information(large, blocks) * units) @ basis, rows.T)
    middle = basis @ (pull @ np.linalg.pinv(rows @ pull, rcond=1e-10, hermitian=True) @ pull.T) @ basis.T
    product = middle @ (meat * units)
    first, second = float(np.trace(product)), float((product * product.T).sum())
    df = small.df - large.df
    if shape == "mean_var_adjusted":
        return Correction(second / first, 0.0, first**2 / second)
    if shape == "scaled_shifted":
        scale = float(np.sqrt(df / second))
        return Correction(1 / scale, df - scale * first, df)
    return Correction(first / df, 0.0, df)


def _orthonormal(fit: SEMResults) -> Floats:
    """Return an orthonormal basis of the parameters' space, in the user's units."""
    return np.asarray(np.linalg.qr(fit.problem.space.basis)[0], dtype=np.float64)


def _information(fit: SEMResults, blocks: list[Block]) -> Floats:
    """Return the information of one observation that the standard errors are made of, in standardized units."""
    if fit.options.information == "observed" and not fit.problem.weights:
        work = fit.problem.standard
        return work.objective(fit.x * work.scale.parameters, True).hessian / 2
    total = sum(one.share * one.delta.T @ one.weight @ one.delta for one in blocks)
    return np.asarray(total, dtype=np.float64)


def _delta(large: SEMResults, small: SEMResults) -> Floats:
    """Return the directions of the larger model's coordinates that the smaller one's moments do not reach.

    The moments of the two models are matched by least squares in the user's units, as lavaan does, so this restriction is not
    free of the units of the variables; the exact one is.
    """
    if large.table.meanstructure != small.table.meanstructure:
        raise ModelError("structure.not_comparable")
    own = np.concatenate(block_jacobians(large.problem, large.x, large.observed)) @ _orthonormal(large)
    other = np.concatenate(block_jacobians(small.problem, small.x, large.observed)) @ _orthonormal(small)
    reached = np.linalg.pinv(own) @ other
    rank = other.shape[1]
    return np.asarray(np.linalg.svd(reached, full_matrices=True)[0][:, rank:].T, dtype=np.float64)


def _exact(large: SEMResults, small: SEMResults) -> Floats:
    """Return the smaller model's restrictions as derivatives by the larger one's coordinates."""
    position = {key: k for k, at in enumerate(large.table.free_rows) for key in _keys(large.table.rows[at])}
    own = [small.table.rows[at] for at in small.table.free_rows]
    strange = [row.name for row in own if not _keys(row) & set(position)]
    if strange:
        raise ModelError("structure.exact_needs_rows", parameters=", ".join(strange))
    place = [position[next(iter(_keys(row) & set(position)))] for row in own]
    _, slopes = constraint_rows(small.table, small.x)
    tied = np.zeros((len(slopes), large.table.n_free))
    np.add.at(tied.T, place, slopes.T)
    fixed = np.delete(np.eye(large.table.n_free), place, axis=0)
    rows = np.concatenate([tied, fixed]) @ _orthonormal(large)
    # what the larger model is restricted to anyway, or twice, restricts nothing more
    return np.asarray(linalg.orth(rows.T, rcond=1e-10).T, dtype=np.float64)


def _keys(row: Parameter) -> set[tuple[str, str, str, int]]:
    found = {(row.lhs, row.op, row.rhs, row.group)}
    return found | {(row.rhs, row.op, row.lhs, row.group)} if row.op == "~~" else found
