"""What readers answer: six degrees without a neutral one, reasons, and why they could not."""

from typing import Literal

Task = Literal["single", "2afc"]

RATINGS: dict[Task, dict[int, str]] = {
    "single": {
        1: "definitely real",
        2: "probably real",
        3: "possibly real",
        4: "possibly synthetic",
        5: "probably synthetic",
        6: "definitely synthetic",
    },
    "2afc": {
        1: "definitely the left one",
        2: "probably the left one",
        3: "possibly the left one",
        4: "possibly the right one",
        5: "probably the right one",
        6: "definitely the right one",
    },
}
"""Higher is more certainly synthetic, or that the right one of two is."""
TOWARD_SYNTHETIC = {
    degree: text.replace("left", "real").replace("right", "synthetic")
    for degree, text in RATINGS["2afc"].items()
}
"""Ratings of pairs, turned so that the synthetic one is the right one."""
QUESTIONS: dict[Task, str] = {
    "single": "Is this region of interest real or synthetic?",
    "2afc": "Which of the two regions of interest is synthetic?",
}
MIDDLE = 3.5
REASONS = (
    "texture",
    "boundary",
    "symmetry",
    "noise",
    "anatomy",
    "checkerboard or seams",
)
"""What an answer may be put down to."""
