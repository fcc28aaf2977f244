"""What a simulated sample of respondents is drawn from, stated in full in ``study.yaml``.

A population's keys, all optional (numbers are standardized: every latent variable and latent response has variance 1)::

    n: 1200                       # respondents; simulate_responses(n=…) overrides it
    paths: |                      # lavaan syntax, a number before every name
      SDI =~ .80*PRS + .75*FBC + .70*LRI       # second-order loadings; also cross-loadings: PCI =~ .20*CID1
      PCI ~ .25*SDI + .20*PLI + .30*VI         # structural paths
      SDI ~~ .40*PLI                           # correlation of exogenous latents, or of disturbances
    correlation: .20              # of every pair of exogenous latents that no ~~ line names
    uncorrelated: [MKR]           # constructs that this default leaves alone
    loadings: {default: .75, constructs: {PCI: .80}, items: {PCI5: .60}}
    thresholds:                   # how latent responses become codes, in the construct's direction (before reversing)
      default: {mean: 4.8, sd: 1.4, skew: -.3} # a skew-normal answer rounded to the scale, or
      constructs: {CID: {mean: 4.2, sd: 1.5}}
      items: {PCI1: {probabilities: [.02, .05, .10, .20, .28, .23, .12]}}
    method_factor: .20            # loading of every item, as printed, on one common method factor
    careless: {share: .08, kinds: {straight_line: .4, random: .4, fast: .1, inattentive: .1}, slip: .05, haste: .25}
    missing: {mcar: .02, mar: {share: .02, covariate: X_FREQ, slope: .8}}
    languages: {en: .6, zh: .4}
    language_bias: {zh: {shift: {CID2: .3}, loadings: {CID2: -.2}}}
    covariates:
      S_AGE: {mean: 32, sd: 9, min: 18, max: 75}
      X_LIVE: {0: .25, 1: .25, 2: .2, 3: .2, 4: .1}
    durations: {seconds_per_item: 6, sd_log: .3}
    consent: .97                  # share that agrees to take part
    eligible: .95                 # share that passes the screening questions
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from cbecmodel.errors import ContentError

Share = Annotated[float, Field(ge=0, le=1)]
Loading = Annotated[float, Field(gt=-1, lt=1)]
Kind = Literal["straight_line", "random", "fast", "inattentive"]
_SUM_TOLERANCE = 1e-6


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _sums_to_one(shares: Mapping[Any, float] | tuple[float, ...]) -> None:
    total = sum(shares.values() if isinstance(shares, Mapping) else shares)
    if abs(total - 1) > _SUM_TOLERANCE:
        raise PydanticCustomError("shares_sum", "shares sum to {total}", {"total": f"{total:.6g}"})


class Loadings(_Part):
    """Standardized loadings of items on their construct: the item's own, else the construct's, else the default."""

    default: Loading = 0.75
    constructs: Mapping[str, Loading] = {}
    items: Mapping[str, Loading] = {}

    def of(self, item: str, construct: str) -> float:
        """Return the loading of one item."""
        return self.items.get(item, self.constructs.get(construct, self.default))


class Answering(_Part):
    """How one latent response becomes a code: exact ``probabilities``, or a skew-normal rounded to the scale."""

    probabilities: tuple[Share, ...] | None = None
    mean: float | None = None
    sd: Annotated[float, Field(gt=0)] | None = None
    skew: Annotated[float, Field(gt=-0.99, lt=0.99)] = 0.0

    @model_validator(mode="after")
    def _one_way(self) -> Answering:
        if self.probabilities is not None:
            if self.mean is not None or self.sd is not None or self.skew:
                raise PydanticCustomError("two_ways", "probabilities and moments")
            _sums_to_one(self.probabilities)
        return self


class Thresholds(_Part):
    """How latent responses become codes: the item's own way, else the construct's, else the default."""

    default: Answering = Answering()
    constructs: Mapping[str, Answering] = {}
    items: Mapping[str, Answering] = {}

    def of(self, item: str, construct: str) -> Answering:
        """Return the way of one item."""
        return self.items.get(item, self.constructs.get(construct, self.default))


class Careless(_Part):
    """Respondents who do not read: how many, and what they do instead.

    ``straight_line`` keeps to one code but for slips, ``random`` picks any code, ``fast`` rushes through honest first
    impressions without seeing the checks, ``inattentive`` answers at the usual pace and misses the checks.
    """

    share: Share = 0.0
    kinds: Mapping[Kind, Share] = {"straight_line": 0.4, "random": 0.4, "fast": 0.1, "inattentive": 0.1}
    slip: Share = 0.05
    haste: Annotated[float, Field(gt=0, le=1)] = 0.25

    @model_validator(mode="after")
    def _whole(self) -> Careless:
        _sums_to_one(self.kinds)
        return self


class MissingAtRandom(_Part):
    """Answers missing more often the higher a covariate: logit of the share is linear in its z-score."""

    share: Annotated[float, Field(gt=0, lt=1)]
    covariate: str
    slope: float


class Missing(_Part):
    """Answers not given: completely at random, and at random given a covariate."""

    mcar: Share = 0.0
    mar: MissingAtRandom | None = None


class LanguageBias(_Part):
    """How items differ in one language: ``shift`` lifts the latent response, ``loadings`` are added to the loadings."""

    shift: Mapping[str, float] = {}
    loadings: Mapping[str, float] = {}


class Amount(_Part):
    """A whole-number covariate: a normal variable, rounded and kept between ``min`` and ``max``."""

    mean: float
    sd: Annotated[float, Field(gt=0)]
    min: int
    max: int

    @model_validator(mode="after")
    def _low_to_high(self) -> Amount:
        if self.min > self.max:
            raise PydanticCustomError("limits_turned", "min above max", {"low": self.min, "high": self.max})
        return self


def _kind_of_covariate(value: Any) -> str:
    named = isinstance(value, Amount) or (
        isinstance(value, Mapping) and not {"mean", "sd", "min", "max"}.isdisjoint(value)
    )
    return "amount" if named else "shares"


Covariate = Annotated[
    Annotated[Amount, Tag("amount")] | Annotated[Mapping[int | str, Share], Tag("shares")],
    Discriminator(_kind_of_covariate),
]


class Durations(_Part):
    """Seconds spent: log-normal, the median ``seconds_per_item`` times the questions seen."""

    seconds_per_item: Annotated[float, Field(gt=0)] = 6.0
    sd_log: Annotated[float, Field(gt=0)] = 0.3


class Population(_Part):
    """Everything that simulated respondents are drawn from.

    Its fields are the keys listed at the head of :mod:`cbecmodel.simulate.population`; each is optional.

    Examples
    --------
    >>> population = Population.load({"paths": "CID ~ .3*PCI", "careless": {"share": 0.05}})
    >>> population.loadings.of("PCI1", "PCI"), population.careless.share
    (0.75, 0.05)
    >>> Population.load({"careles": {"share": 0.05}})
    Traceback (most recent call last):
    cbecmodel.errors.ContentError: Population, careles: there is no such key. ...
    """

    n: Annotated[int, Field(gt=0)] | None = None
    paths: str = ""
    correlation: Loading = 0.0
    uncorrelated: tuple[str, ...] = ()
    loadings: Loadings = Loadings()
    thresholds: Thresholds = Thresholds()
    method_factor: Loading = 0.0
    careless: Careless = Careless()
    missing: Missing = Missing()
    languages: Mapping[str, Share] | None = None
    language_bias: Mapping[str, LanguageBias] = {}
    covariates: Mapping[str, Covariate] = {}
    durations: Durations = Durations()
    consent: Share = 1.0
    eligible: Share = 1.0

    @classmethod
    def load(cls, given: Population | Mapping[str, Any] | None, where: str = "") -> Population:
        """Read a population from a mapping, as ``study.yaml`` has it.

        Parameters
        ----------
        given : Population or mapping or None
            None is the default population.
        where : str, optional
            The place in a file, for messages: ``study.yaml, surveys.consumer.population``.

        Returns
        -------
        Population

        Raises
        ------
        ContentError
            If a key is unknown or a value breaks a rule; says which.

        Examples
        --------
        >>> Population.load({"n": 300}).n
        300
        """
        if isinstance(given, cls):
            return given
        try:
            return cls.model_validate(given or {})
        except ValidationError as error:
            raise _content_error(error, where) from error

    @model_validator(mode="after")
    def _languages_whole(self) -> Population:
        if self.languages is not None:
            _sums_to_one(self.languages)
        return self


_SENTENCES: Final = {
    "extra_forbidden": "unknown_key",
    "missing": "bad_lacking",
    "greater_than": "bad_above",
    "greater_than_equal": "bad_least",
    "less_than": "bad_below",
    "less_than_equal": "bad_most",
    "literal_error": "bad_choice",
    "shares_sum": "bad_sum",
    "two_ways": "bad_two_ways",
    "limits_turned": "bad_limits",
}
_WANTED: Final = {
    "int": "bad_whole",
    "float": "bad_number",
    "finite": "bad_number",
    "model": "bad_mapping",
    "mapping": "bad_mapping",
}
_MARKS: Final = ("amount", "shares", "[key]", "int", "str", "constrained-str")


def _content_error(error: ValidationError, where: str) -> ContentError:
    """Say the first broken rule, with the place where it is."""
    first = error.errors(include_url=False)[0]
    loc = [str(part) for part in first["loc"] if part not in _MARKS]
    place = ": ".join(part for part in (where, ".".join(loc)) if part)
    values = {
        **first.get("ctx", {}),
        "where": place or "n, paths …",
        "given": repr(first["input"]),
        "rule": first["msg"],
    }
    key = _sentence(first)
    if key == "unknown_key" and (near := get_close_matches(loc[-1], _keys(loc[:-1]), n=1)):
        return ContentError("simulate.unknown_key_near", near=near[0], **values)
    return ContentError(f"simulate.{key}", **values)


def _keys(loc: list[str]) -> list[str]:
    """Return the keys there are at a place, to guess what a misspelt one was meant to be."""
    at: Any = Population
    for part in loc:
        field = at.model_fields.get(part)
        at = None if field is None else field.annotation
        if not (isinstance(at, type) and issubclass(at, BaseModel)):
            return []
    return list(at.model_fields)


def _sentence(error: ErrorDetails) -> str:
    return _SENTENCES.get(error["type"], _WANTED.get(error["type"].split("_")[0], "bad_value"))
