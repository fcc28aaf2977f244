"""One BLAS thread while a model is estimated.

The matrices of a model are small: several threads make each product slower, and on a busy machine by a factor of twenty.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Limit:
    """The limit, shared by all threads of the process: the first in sets it, the last out lifts it."""

    def __init__(self) -> None:
        self.lock, self.inside = threading.Lock(), 0
        self.limit: Any = None

    def enter(self) -> None:
        with self.lock:
            if self.inside == 0:
                self.limit = _controller().limit(limits=1, user_api="blas")
            self.inside += 1

    def leave(self) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self.limit.restore_original_limits()


_LIMIT = _Limit()


@cache
def _controller() -> Any:
    """Return what knows the libraries loaded; looking for them takes longer than a small fit, so only once."""
    return import_module("threadpoolctl").ThreadpoolController()  # carries no types


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep linear algebra to one thread inside the block.

    Yields
    ------
    None

    Examples
    --------
    >>> with one_thread():
    ...     pass
    """
    _LIMIT.enter()
    try:
        yield
    finally:
        _LIMIT.leave()
