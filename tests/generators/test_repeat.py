"""A sample is made again from its record as it was written, and from no other."""

import numpy as np
import pytest

from napari_tumor_synth.errors import InputError, TumorSynthError, UnknownClassError
from napari_tumor_synth.generators.provenance import Provenance, read_provenance
from napari_tumor_synth.generators.synthetic import write_synthetic

CHANGES = [
    {"class_name": "HGG"},
    {"class_name": "GBM"},
    {"seed": 4},
    {"tokens": ((0, 0),) * 64},
    {"grid": (32, 32, 32)},
    {"spacing_mm": 0.1},
    {"sequences": ("t2",)},
]


def record_of(generator, class_name="LGG", seed=3):
    return generator.sample(class_name, [seed])[0].provenance


def unsealed(record, **change):
    """Return the record as an earlier version wrote it."""
    return record.model_copy(update={**change, "seal": None})


def test_a_sample_is_repeated_from_its_record(generator, tmp_path):
    sample = generator.sample("LGG", [3])[0]
    read = read_provenance(write_synthetic(sample, tmp_path).provenance)
    for record in (sample.provenance, read, unsealed(read)):
        again = generator.repeat(record)
        assert np.array_equal(again.roi.image, sample.roi.image)
        other = {"created"} if record.seal else {"created", "seal"}
        told = again.provenance.model_dump(exclude=other)
        assert told == sample.provenance.model_dump(exclude=other)


@pytest.mark.parametrize(
    "change",
    [*CHANGES, {"device": "cuda"}, {"versions": {}}, {"model_name": "x"}],
)
def test_a_record_that_was_changed_is_refused(causal_generator, change):
    record = record_of(causal_generator).model_copy(update=change)
    with pytest.raises(InputError, match="was changed after it was written"):
        causal_generator.repeat(record)


@pytest.mark.parametrize("change", CHANGES)
def test_changes_of_a_record_without_a_seal_show_in_its_tokens(causal_generator, change):
    with pytest.raises(TumorSynthError):
        causal_generator.repeat(unsealed(record_of(causal_generator), **change))


@pytest.mark.parametrize("change", [{}, {"seed": 4}, {"class_name": "HGG"}])
def test_models_of_every_kind_know_their_own_tokens(generator, change):
    record = unsealed(record_of(generator, seed=1), **change)
    if "class_name" in change and not generator.settings.conditional:
        change = {}  # whose class means nothing
    if not change:
        assert generator.repeat(record).provenance.tokens == record.tokens
        return
    with pytest.raises(InputError, match=r"other tokens are drawn here .* as it was written"):
        generator.repeat(record)


def test_a_class_that_the_model_lacks_is_refused_by_name(causal_generator):
    with pytest.raises(UnknownClassError, match=r"GBM.*HGG, LGG"):
        causal_generator.repeat(unsealed(record_of(causal_generator), class_name="GBM"))


@pytest.mark.parametrize("elsewhere", [{"device": "cuda"}, {"versions": {"torch": "1.0"}}])
def test_what_cannot_be_told_here_says_where_it_can(causal_generator, elsewhere):
    record = unsealed(record_of(causal_generator), **elsewhere)
    assert causal_generator.repeat(record).provenance.tokens == record.tokens
    with pytest.raises(InputError, match="can be told on the device"):
        causal_generator.repeat(record.model_copy(update={"seed": 4}))


@pytest.mark.parametrize(
    "change",
    [
        {"tokens": ((0, 0),) * 63},
        {"tokens": ((0, 0),) * 63 + ((0,),)},
        {"tokens": ((0, 16),) * 64},
        {"tokens": ((0, -1),) * 64},
        {"tokens": ((0, 2**80),) * 64},
        {"tokens": ()},
        {"token_grid": (2, 4, 8)},
    ],
)
def test_tokens_of_another_model_are_refused(causal_generator, change):
    with pytest.raises(InputError, match="do not fit"):
        causal_generator.repeat(unsealed(record_of(causal_generator), **change))


def test_drawing_anew_can_be_followed(causal_generator):
    seen = []
    causal_generator.repeat(record_of(causal_generator), on_progress=seen.append)
    assert seen == [], "a sealed record is decoded at once"
    causal_generator.repeat(unsealed(record_of(causal_generator)), on_progress=seen.append)
    assert seen[-1].step == seen[-1].total


def test_a_seal_outlives_settings_that_are_added_later(causal_generator):
    class Later(Provenance):
        grade: int | None = None

    record = record_of(causal_generator)
    assert Later.model_validate(record.model_dump()).is_unaltered
    assert not Later.model_validate({**record.model_dump(), "grade": 3}).is_unaltered
