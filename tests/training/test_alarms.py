"""What figures mean: each alarm at its threshold, and silence elsewhere."""

import re
from pathlib import Path

import pytest

from napari_tumor_synth.training.vqgan import alarms as vqgan_alarms
from napari_tumor_synth.training.vqgan.alarms import autoencoder_alarms, token_alarms

DOCS = Path(__file__).parents[2] / "docs" / "training.md"


@pytest.mark.parametrize(
    ("figures", "named"),
    [
        ({}, []),
        ({"usage 1": 0.6, "perplexity 1": 200.0}, []),
        ({"usage 1": 0.09, "perplexity 1": 40.0}, ["codebook collapse"]),
        ({"usage 1": 0.5, "perplexity 1": 20.0}, ["codebook collapse"]),
        ({"usage 1": 0.9, "perplexity 1": 300, "usage 2": 0.01, "perplexity 2": 2.0},
         ["codebook collapse"]),
        ({"critic right on real": 0.99, "critic right on fake": 0.99},
         ["discriminator too strong"]),
        ({"critic right on real": 0.99, "critic right on fake": 0.6}, []),
        ({"critic right on real": 0.5, "critic right on fake": 0.5}, []),
    ],
)  # fmt: skip
def test_autoencoder(figures, named):
    assert [alarm.name for alarm in autoencoder_alarms(figures, 512)] == named


@pytest.mark.parametrize(
    ("held_out", "trained", "named"),
    [
        (2.0, 1.9, []),
        (6.5, 1.0, ["worse than chance"]),
        (4.0, 1.0, ["learnt by heart"]),
        (0.3, 0.1, []),  # little to know, and known
    ],
)
def test_transformer(held_out, trained, named):
    figures = {"validation nats a position": held_out, "training nats a position": trained}
    assert [alarm.name for alarm in token_alarms(figures, 6.24)] == named
    assert token_alarms({"loss": 1.0}, 6.24) == []


def test_alarms_give_their_figures_and_a_remedy():
    (alarm,) = autoencoder_alarms({"usage 1": 0.031, "perplexity 1": 9.4}, 512)
    assert "3%" in str(alarm)
    assert "512" in str(alarm)
    assert "revive_below" in alarm.remedy


def test_every_alarm_has_a_section_for_whoever_meets_it():
    named = set(re.findall(r'Alarm\(\s*"([^"]+)"', Path(vqgan_alarms.__file__).read_text("utf-8")))
    sections = {line.strip("# \n").lower() for line in DOCS.read_text("utf-8").splitlines()}
    assert len(named) >= 4
    assert named <= sections
