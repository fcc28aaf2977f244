"""Surveys, structural equation models and policy panels for the study of cross-border e-commerce and cultural innovation.

Everything a user calls is here, by name, and is loaded when it is first used (PEP 562); the names and where each one
lives stand in ``__init__.pyi``.

Examples
--------
>>> import cbecmodel as cbec
>>> len(cbec.load_theory().claims) >= 47
True
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
