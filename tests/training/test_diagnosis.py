"""The diagnosis by numbers that can be told by hand."""

import math

import pytest
import torch

from napari_tumor_synth.training.data import in_turns
from napari_tumor_synth.training.vqgan.diagnosis import (
    Diagnosis,
    code_divergence,
    frequency_nats,
)
from napari_tumor_synth.training.vqgan.tokens import TokenSet


def tokens(*rows):
    """Return sequences of one level."""
    content = torch.tensor(rows)[..., None]
    return TokenSet(content, torch.full(content.shape[:2], 0.5), torch.zeros(len(rows)).long())


def test_divergence_is_0_for_equal_and_1_for_disjoint_codes():
    assert code_divergence(tokens([0, 1]), tokens([1, 0]), 4) == pytest.approx(0, abs=1e-9)
    assert code_divergence(tokens([0, 1]), tokens([2, 3]), 4) == pytest.approx(1)
    half = code_divergence(tokens([0, 0]), tokens([0, 1]), 4)
    by_hand = -0.75 * math.log2(0.75) - 0.25 * math.log2(0.25) - 0.5
    assert half == pytest.approx(by_hand)


def test_code_frequencies_count_every_code_once_more():
    known, held_out = tokens([0, 0, 0, 1]), tokens([0, 1, 2, 0])
    shares = [4 / 8, 2 / 8, 1 / 8, 1 / 8]
    by_hand = -sum(math.log(shares[code]) for code in (0, 1, 2, 0)) / 4
    assert frequency_nats(known, held_out, 4) == pytest.approx(by_hand)


def test_several_levels_add_up():
    one = torch.tensor([[[0, 1], [0, 1]]])
    known = TokenSet(one, torch.full((1, 2), 0.5), torch.zeros(1).long())
    assert frequency_nats(known, known, 2) == pytest.approx(2 * math.log(4 / 3))


@pytest.mark.parametrize(
    ("own", "words"),
    [(2.0, "as predictable"), (1.0, "more alike"), (4.0, "errors add up")],
)
def test_the_gap_is_put_into_words(own, words):
    found = Diagnosis(20.5, 0.7, 20.0, 22.5, 6.2, 5.0, 2.0, 1.8, own, 0.1, 0.05, 46.0, 95.0, 8)
    assert found.gap == pytest.approx(2.0 - own)
    said = " ".join(found.sentences())
    assert words in said
    assert "without codes: +2.5 dB" in said
    assert "median volume of 46.0 ml, those of held-out ROIs 95.0 ml" in said
    assert found.noted()["figures"]["gap"] == pytest.approx(2.0 - own)


def test_classes_take_turns_each_in_its_order():
    assert in_turns([1, 0, 0, 1, 0]) == [1, 0, 2, 3, 4]
    assert in_turns([]) == []
    mirrored = TokenSet(torch.arange(8)[:, None, None], torch.zeros(8, 1), torch.arange(8) // 4)
    assert mirrored.of_all_classes(3, every=2).tokens.flatten().tolist() == [0, 4, 2]
