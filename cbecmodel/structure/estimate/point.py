"""What a model says at one parameter vector, each thing computed once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import Implied, filled, implied
from cbecmodel.structure.sample.linear import inverse_logdet

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.likelihood import Derivatives
    from cbecmodel.structure.estimate.native import Problem

Floats = NDArray[np.float64]


class Point:
    """A problem at a parameter vector; :meth:`~cbecmodel.structure.estimate.native.Problem.at` makes and keeps one.

    Attributes
    ----------
    problem : Problem
    x : ndarray, shape (q,)
        In the user's units; not writeable.
    """

    def __init__(self, problem: Problem, x: Floats) -> None:
        self.problem = problem
        self.x = np.array(x, dtype=np.float64)
        self.x.flags.writeable = False

    @cached_property
    def states(self) -> tuple[Implied, ...]:
        """Return the implied moments of each group, in the user's units."""
        return tuple(implied(group, self.x) for group in self.problem.pattern.groups)

    @cached_property
    def matrices(self) -> tuple[tuple[Floats, Floats, Floats], ...]:
        """Return paths, (residual) covariances and intercepts of each group, in the user's units."""
        return tuple(filled(group, self.x) for group in self.problem.pattern.groups)

    @cached_property
    def inverses(self) -> tuple[tuple[Floats, float] | None, ...]:
        """Return inverse and log-determinant of each group's implied covariances; None where not positive definite."""
        return tuple(inverse_logdet(state.sigma) for state in self.states)

    @cached_property
    def derivatives(self) -> Derivatives:
        """Return the discrepancy with gradient, Hessian and information, in standardized units."""
        work = self.problem.standard
        return work.objective(self.x * work.scale.parameters, True)
