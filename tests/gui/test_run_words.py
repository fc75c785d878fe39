from dataclasses import replace

import pytest

from napari_tumor_synth.widgets.training.run_words import duration, forecast_text
from napari_tumor_synth.workflows.training_forecast import Forecast

pytestmark = pytest.mark.gui

TOLD = Forecast(
    device="cpu",
    memory=430_000_000,
    free_memory=8_000_000_000,
    micro_batch=8,
    batch=8,
    recompute=False,
    disk=300_000_000,
    free_disk=5_000_000_000,
    rois={},
    cases=120,
)


def test_what_a_training_takes_is_one_sentence():
    assert forecast_text(TOLD) == (
        "Takes about 0.4 GB of memory (of 8.0 GB free), up to 0.3 GB of disk, 120 cases to "
        "prepare first."
    )
    prepared = replace(TOLD, rois={"train": 84, "validation": 18}, cases=0)
    assert forecast_text(prepared).endswith("84 ROIs to learn from, 18 held out.")


def test_one_case_is_one_case():
    text = forecast_text(replace(TOLD, cases=1, left_out=1))
    assert text.endswith("1 case to prepare first. 1 incomplete case is left out.")
    assert forecast_text(replace(TOLD, left_out=2)).endswith("2 incomplete cases are left out.")


def test_what_makes_it_slow_or_stops_it_is_told():
    told = replace(TOLD, device="cuda", micro_batch=2, recompute=True, free_disk=310_000_000)
    text = forecast_text(told)
    assert "0.4 GB of memory on cuda" in text
    assert "micro-batches of 2, activations computed again, which takes longer" in text
    assert "⚠ Only 0.3 GB of disk are free there. Choose another folder." in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (2e5, "2 d")],
)
def test_a_time_is_told_in_the_unit_that_suits_it(seconds, words):
    assert duration(seconds) == words
