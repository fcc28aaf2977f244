"""Auxiliary variables: saturated correlates, which inform about missing answers and leave the model as it is.

References
----------
.. [1] Graham, J. W. (2003). Adding missing-data-relevant variables to FIML-based structural equation models. Structural Equation
   Modeling, 10, 80-100.
"""

from __future__ import annotations

from typing import Any

from cbecmodel.errors import ModelError
from cbecmodel.structure.syntax.parser import parse
from cbecmodel.structure.syntax.vocabulary import vocabulary


def with_auxiliary(model: str, asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Let auxiliary variables covary with each other and with all (residuals of) observed variables of a model.

    Parameters
    ----------
    model : str
    asked : dict
        The options as given.

    Returns
    -------
    model : str
    asked : dict
        Without fixed exogenous variables: their gaps are to be informed about too.

    Raises
    ------
    ModelError
        Without full-information maximum likelihood, or if a variable is part of the model.

    Examples
    --------
    >>> with_auxiliary("y ~ x", {"auxiliary": "a", "missing": "fiml"})[0].splitlines()[0]
    'a ~~ a + y + x'
    """
    names = asked.get("auxiliary") or ()
    names = (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
    asked = {**asked, "auxiliary": names}
    if not names:
        return model, asked
    if asked.get("missing") != "fiml" or asked.get("engine", "native") != "native":
        raise ModelError("structure.auxiliary_fiml")
    words = vocabulary(parse(model).formulas)
    inside = [name for name in names if name in (*words.observed, *words.latents)]
    if inside:
        raise ModelError("structure.auxiliary_inside", variables=", ".join(inside))
    lines = [f"{name} ~~ {' + '.join((name, *names[at + 1 :], *words.observed))}" for at, name in enumerate(names)]
    return "\n".join([*lines, model]), {**asked, "fixed_x": False, "meanstructure": True}
