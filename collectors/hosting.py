"""Networks where machines live and no users: the AS numbers of hosting and cloud operators.

The file is CSV: `asn,operator`, one line each. Knows numbers, no places and no records.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from collectors.errors import HostingError

MAX_ASN = (1 << 32) - 1

Asns = npt.NDArray[np.uint32]


def load(path: Path | None, more: Sequence[str] = ()) -> Asns:
    """Return the AS numbers of a file (None: of none) and of `more` texts like `64500`, ascending.

    Raises `HostingError` naming the file and line, or the text, that is no AS number.
    """
    found = {_asn(text, f"{text!r}") for text in more}
    if path is not None:
        try:
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    found.add(_asn(row.get("asn") or "", f"{path}: {','.join(map(str, row.values()))}"))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise HostingError(f"{path}: {error}") from error
    return np.array(sorted(found), np.uint32)


def _asn(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MAX_ASN):
        raise HostingError(f"{where}: expected an AS number, such as 64500")
    return int(text)
