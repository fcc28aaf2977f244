"""What a user asked of :func:`~cbecmodel.policy.effect.policy_effect`, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of :func:`~cbecmodel.policy.effect.policy_effect` under their names there; sequences are tuples."""

    outcome: str
    estimator: Estimator
    treatment: str | None
    controls: tuple[str, ...]
    fixed_effects: tuple[str, ...]
    weights: str | None
    control_group: ControlGroup
    base_period: BasePeriod
    aggregation: Aggregation
    anticipation: int
    vcov: Vcov
    cluster: tuple[str, ...]
    small_sample: SmallSample
    bootstrap: int | None
    seed: int | None
    engine: Engine
    transform: Transform | None
    window: tuple[int, int] | None
    method: Method
