"""What all tables are made of."""

from collections.abc import Iterable
from typing import Any


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(header)
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def in_seconds(found: dict[str, Any]) -> str:
    return f"{found['median_s']:.3g} s ({found['least_s']:.3g} to {found['most_s']:.3g})"
