"""One canonical form of an instrument's content, and its hash."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cbecmodel.survey.instrument import Instrument

_ORDERED: Final = {"items", "constructs", "checks", "screening", "covariates", "options", "subdimensions"}


def content_digest(instrument: Instrument) -> str:
    """Return the SHA-256 of an instrument's content.

    Order counts where respondents see it (items, questions, options, pages) and nowhere else; comments, quotation marks,
    blank lines, the order of fields and of languages, and defaults written out do not change it.

    Parameters
    ----------
    instrument : Instrument

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    content = instrument.model_dump(mode="json", exclude={"path"}, exclude_defaults=True)
    canonical = json.dumps(_canonical(content), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def _canonical(value: Any, ordered: bool = False) -> Any:
    if isinstance(value, dict):
        pairs = {str(key): _canonical(entry, key in _ORDERED) for key, entry in value.items()}
        return list(pairs.items()) if ordered else pairs
    if isinstance(value, list):
        return [_canonical(entry) for entry in value]
    return value
