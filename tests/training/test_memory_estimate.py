"""Which micro-batch fits, and what is said when none does."""

import pytest

from napari_tumor_synth.errors import MemoryLimitError
from napari_tumor_synth.training.memory.estimate import MemoryNeed, Moment, fit_into, usable

GB = 1_000_000_000


def need(fixed, roi, *, batch=8, stage="autoencoder", part="whole ROIs"):
    return MemoryNeed(
        stage, part, batch, round(fixed * GB), (Moment(int(fixed * GB), int(roi * GB)),)
    )


def free_for(bytes_needed):
    """Return the least free memory of which so much is usable."""
    free = bytes_needed
    while usable(free) < bytes_needed:
        free += 1_000_000
    return free


PLAIN = [need(1, 2)]
SPARING = [need(1, 0.5)]


def test_the_whole_batch_is_taken_where_it_fits():
    fit = fit_into(PLAIN, SPARING, 3, 100 * GB, "auto")
    assert (fit.micro_batch, fit.checkpointed, fit.bytes, fit.free) == (3, False, 7 * GB, 100 * GB)


def test_a_smaller_part_of_it_is_taken_where_it_does_not():
    exactly = free_for(5 * GB)
    assert fit_into(PLAIN, SPARING, 3, exactly, "auto").micro_batch == 2
    assert fit_into(PLAIN, SPARING, 3, exactly - 10_000_000, "auto").micro_batch == 1


def test_activations_are_computed_again_only_where_one_roi_would_not_fit_otherwise():
    fit = fit_into(PLAIN, SPARING, 3, free_for(3 * GB) - 10_000_000, "auto")
    assert (fit.micro_batch, fit.checkpointed) == (3, True)
    with pytest.raises(MemoryLimitError, match="checkpoint_activations"):
        fit_into(PLAIN, SPARING, 3, free_for(3 * GB) - 10_000_000, "off")


def test_they_are_computed_again_where_that_is_asked_for():
    fit = fit_into(PLAIN, SPARING, 3, 100 * GB, "on")
    assert (fit.checkpointed, fit.bytes) == (True, round(2.5 * GB))


def test_what_does_not_fit_is_named_with_its_figures():
    needs = [need(0.1, 0.1, stage="transformer"), need(1, 2, part="patches of 48 voxels")]
    with pytest.raises(MemoryLimitError) as caught:
        fit_into(needs, needs, 3, round(1.5 * GB), "auto")
    assert "the stage autoencoder (patches of 48 voxels) needs about 3.6 GB" in str(caught.value)
    assert "1.5 GB are free" in str(caught.value)
    assert "smaller ROIs or networks" in caught.value.remedy


def test_no_memory_at_all_is_no_negative_number():
    assert usable(0) == 0
    with pytest.raises(MemoryLimitError):
        fit_into(PLAIN, SPARING, 1, 0, "auto")


def test_parts_with_small_batches_do_not_hold_back_the_others():
    patches = need(1, 0.1, batch=16, part="patches of 32 voxels")
    whole = need(1, 1.5, batch=2)
    assert fit_into([patches, whole], SPARING, 16, free_for(4 * GB), "off").micro_batch == 16


def test_the_fullest_moment_depends_on_the_micro_batch():
    optimiser, backward = Moment(10, 0), Moment(4, 3)
    both = MemoryNeed("transformer", "whole ROIs", 8, 3, (optimiser, backward))
    assert [both.at(size) for size in (1, 2, 3, 8, 100)] == [10, 10, 13, 28, 28]
    assert both.bytes_per_roi == 3
    assert both.beside(5).at(3) == 18
    assert both.beside(5).fixed_bytes == 8
