"""Tables for a terminal: columns as wide as what is in them, numbers to the right."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

INDENT, GAP = "  ", "  "


def _style(sequence: str, text: str) -> str:
    wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return f"\033[{sequence}m{text}\033[0m" if wanted else text


def bold(text: str) -> str:
    """Bold, where standard output is a terminal and NO_COLOR is not set, as the other styles."""
    return _style("1", text)


def dim(text: str) -> str:
    """Less bright."""
    return _style("2", text)


def good(text: str) -> str:
    """Green."""
    return _style("32", text)


class Table:
    """Rows of cells. The title of a column of numbers begins with ``>``."""

    def __init__(self, titles: Sequence[str]) -> None:
        self._titles = [title.removeprefix(">") for title in titles]
        self._to_the_right = [title.startswith(">") for title in titles]
        self._rows: list[list[str] | None] = []  # None is a rule

    def row(self, *cells: object) -> None:
        """Add a row."""
        self._rows.append([str(cell) for cell in cells])

    def rule(self) -> None:
        """Draw a rule before the row that comes next."""
        self._rows.append(None)

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        aligned = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, self._to_the_right, strict=True)
        ]
        if not self._to_the_right[-1]:
            aligned[-1] = cells[-1]  # nothing behind the last cell
        return GAP.join(aligned)

    def print(self) -> None:
        """Print the table."""
        rows = [self._titles, *(row for row in self._rows if row)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(self._titles))]
        rule = INDENT + dim("─" * (sum(widths) + len(GAP) * (len(widths) - 1)))
        print(INDENT + dim(self._line(self._titles, widths)))
        print(rule)
        for row in self._rows:
            print(rule if row is None else INDENT + self._line(row, widths))
