"""What is doubtful about the ROIs of a cache, in as few sentences as there are kinds."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from napari_tumor_synth.imaging.cache_manifest import CacheEntry

_NUMBER = re.compile(r"(?<![A-Za-z\d])\d+([.,]\d+)*(e[+-]?\d+)?")  # not the 1 of t1


@dataclass(frozen=True)
class Doubt:
    """Warnings of several ROIs that differ by their numbers only.

    Attributes
    ----------
    example : str
        The first of the sentences.
    cases : tuple of str
        Names of the ROIs concerned, in the order of the cache.
    """

    example: str
    cases: tuple[str, ...]


def doubts_of(entries: Iterable[CacheEntry]) -> tuple[Doubt, ...]:
    """Group the warnings of ROIs by their kind, the most frequent kind first."""
    groups: dict[str, dict[str, str]] = {}  # by kind, then by case
    for entry in entries:
        for warning in entry.warnings:
            groups.setdefault(_NUMBER.sub("#", warning), {}).setdefault(entry.name, warning)
    doubts = [Doubt(next(iter(group.values())), tuple(group)) for group in groups.values()]
    return tuple(sorted(doubts, key=lambda doubt: -len(doubt.cases)))
