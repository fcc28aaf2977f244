"""What a step hands to the next: tables as CSV, values as JSON, documents as bytes. Nothing else, so nothing is opaque.

Tables come back as they were: a schema beside them says which column holds numbers, and numbers are written with all
their digits. Equal content gives equal bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

Kind = Literal["number", "integer", "boolean", "text"]
SCHEMA: Final = "columns.json"


@dataclass(slots=True)
class Artefacts:
    """The files of one step, by name.

    Attributes
    ----------
    files : dict
        ``{file name: bytes}``.

    Examples
    --------
    >>> import pandas as pd
    >>> made = Artefacts()
    >>> made.table("paths.csv", pd.DataFrame({"lhs": ["PCI", ""], "est": [0.1 + 0.2, float("nan")]}))
    >>> made.files["paths.csv"].decode().splitlines()[1]
    'PCI,0.30000000000000004'
    >>> made.frame("paths.csv")["lhs"].tolist()
    ['PCI', '']
    """

    files: dict[str, bytes] = field(default_factory=dict)

    def table(self, name: str, frame: pd.DataFrame) -> None:
        """Keep a table; its index is not kept.

        Parameters
        ----------
        name : str
            File name, ending in ``.csv``.
        frame : pandas.DataFrame
            Columns of numbers, truth values or text; columns with text and gaps come back with ``""`` in the gaps.
        """
        self.files[name] = frame.to_csv(index=False, lineterminator="\n").encode("utf-8")
        schema = self.value(SCHEMA) if SCHEMA in self.files else {}
        schema[name] = {str(column): _kind(frame[column]) for column in frame.columns}
        self.json(SCHEMA, schema)

    def json(self, name: str, value: Any) -> None:
        """Keep a value of plain lists, mappings, text and numbers.

        Parameters
        ----------
        name : str
            File name, ending in ``.json``.
        value : Any
        """
        self.files[name] = canonical(value, indent=1).encode("utf-8")

    def frame(self, name: str) -> pd.DataFrame:
        """Read a table back.

        Parameters
        ----------
        name : str

        Returns
        -------
        pandas.DataFrame
        """
        return read_table(self.files[name], self.value(SCHEMA)[name])

    def value(self, name: str) -> Any:
        """Read a JSON value back.

        Parameters
        ----------
        name : str

        Returns
        -------
        Any
        """
        return json.loads(self.files[name])


def canonical(value: Any, indent: int | None = None) -> str:
    """Write a value as JSON in its one form: keys sorted, Chinese as Chinese, numbers with all digits.

    Parameters
    ----------
    value : Any
        NumPy numbers are taken as numbers, tuples as lists.
    indent : int, optional

    Returns
    -------
    str

    Examples
    --------
    >>> canonical({"b": (1, 2), "a": "认同"})
    '{"a": "认同", "b": [1, 2]}'
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=indent, default=_plain, allow_nan=False)
    return text + "\n" if indent else text


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):  # NumPy scalars
        return value.item()
    raise TypeError(value)


def _kind(column: pd.Series[Any]) -> Kind:
    from pandas.api import types

    if types.is_bool_dtype(column.dtype):
        return "boolean"
    if types.is_integer_dtype(column.dtype) and not column.isna().any():
        return "integer"
    return "number" if types.is_numeric_dtype(column.dtype) else "text"


def read_table(data: bytes, schema: Mapping[str, Kind]) -> pd.DataFrame:
    """Read a table that :meth:`Artefacts.table` wrote.

    Parameters
    ----------
    data : bytes
    schema : mapping
        Kind of each column.

    Returns
    -------
    pandas.DataFrame
    """
    import pandas as pd

    written = pd.read_csv(BytesIO(data), dtype=str, keep_default_na=False)
    return pd.DataFrame({column: _read(written[column], schema[column]) for column in written.columns})


def _read(written: pd.Series[str], kind: Kind) -> Any:
    """Turn one column of text into its kind; numbers digit by digit, as NumPy reads them."""
    if kind == "text":
        return written
    if kind == "boolean":
        return written == "True"
    values = written.where(written != "", "nan").to_numpy(dtype=object)
    return values.astype("int64" if kind == "integer" else "float64")
