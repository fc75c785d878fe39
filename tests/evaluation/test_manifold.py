import json

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.manifold import measure_manifold, neighbourhoods
from napari_tumor_synth.evaluation.patient_draws import smallest_half
from napari_tumor_synth.progress import Cancelled


def by_hand(ours, theirs, k):
    """Return the four figures by their definitions, a sample at a time."""

    def radius(sample, others):
        return sorted(np.linalg.norm(others - sample, axis=1))[k]  # itself is number 0

    real_radii = [radius(sample, theirs) for sample in theirs]
    synthetic_radii = [radius(sample, ours) for sample in ours]

    def near(one, other, edge):
        return np.linalg.norm(one - other) < edge

    inside = [
        sum(near(x, y, edge) for y, edge in zip(theirs, real_radii, strict=True)) for x in ours
    ]
    recalled = [
        any(near(y, x, edge) for x, edge in zip(ours, synthetic_radii, strict=True)) for y in theirs
    ]
    covered = [
        any(near(y, x, edge) for x in ours) for y, edge in zip(theirs, real_radii, strict=True)
    ]
    return (
        np.mean([number > 0 for number in inside]),
        np.mean(recalled),
        np.mean(inside) / k,
        np.mean(covered),
    )


def figures(ours, theirs, k):
    both = np.concatenate([ours, theirs])
    places = np.arange(len(both))
    found = neighbourhoods(cdist(both, both), places[: len(ours)], places[len(ours) :], k)
    return found.precision, found.recall, found.density, found.coverage


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shift", [0, 1, 3])
def test_figures_are_those_of_the_definitions(k, shift):
    rng = np.random.default_rng(shift)
    ours, theirs = rng.normal(shift, 1, (14, 3)), rng.normal(0, 1, (19, 3))
    assert figures(ours, theirs, k) == pytest.approx(by_hand(ours, theirs, k))
    found = measure_manifold(ours, theirs, k=k, splits=2).all
    assert found.precision == pytest.approx(by_hand(ours, theirs, k)[0])


# Made once with prdc 0.2 (Naeem et al.), nearest_k=5, of these draws.
PRDC = {
    0: (0.9, 0.9555555555555556, 1.015, 0.9111111111111111),
    1: (0.725, 0.6, 0.455, 0.4666666666666667),
}


@pytest.mark.parametrize("shift", PRDC)
def test_figures_are_those_of_the_authors_package(shift):
    rng = np.random.default_rng(shift)
    theirs, ours = rng.normal(0, 1, (45, 4)), rng.normal(shift, 1, (40, 4))
    assert figures(ours, theirs, 5) == pytest.approx(PRDC[shift], abs=1e-12)


def test_collapse_keeps_precision_and_loses_recall_and_coverage():
    rng = np.random.default_rng(1)
    theirs = rng.normal(size=(60, 4))
    collapsed = theirs[0] * 0.1 + rng.normal(0, 0.01, (60, 4))
    found = measure_manifold(collapsed, theirs, splits=30)
    assert found.all.precision == 1
    for name in ("recall", "coverage"):
        assert found.synthetic[name].high < found.baseline[name].low


def test_a_perfect_generator_reaches_the_baseline_which_is_not_one():
    rng = np.random.default_rng(2)
    found = measure_manifold(rng.normal(size=(80, 8)), rng.normal(size=(80, 8)), splits=60)
    assert found.drawn == 40
    for name in ("precision", "recall", "density", "coverage"):
        ours, base = found.synthetic[name], found.baseline[name]
        assert base.low <= base.mean <= base.high
        assert abs(ours.mean - base.mean) < 0.1
    assert found.baseline["recall"].mean < 0.99
    assert found.baseline["coverage"].mean < 0.99


def test_halves_of_the_baseline_share_no_patient():
    # Each patient twice, nearly the same: a half that shares patients would cover the other.
    rng = np.random.default_rng(3)
    patients = rng.normal(size=(20, 30))
    seen = np.concatenate([patients, patients + rng.normal(0, 1e-3, patients.shape)])
    names = [str(number % 20) for number in range(40)]
    knowing = measure_manifold(seen, seen, k=2, splits=40, patients=names)
    unknowing = measure_manifold(seen, seen, k=2, splits=40)
    assert knowing.patients == 20
    assert knowing.baseline["coverage"].mean < unknowing.baseline["coverage"].mean - 0.1


def test_copies_of_real_samples_have_full_precision():
    theirs = np.random.default_rng(4).normal(size=(12, 3))
    assert figures(theirs.copy(), theirs, 3)[0] == 1


def test_the_fewest_rois_of_a_half_are_known():
    assert smallest_half(np.array([0, 0, 0, 1, 2, 2, 3])) == 2
    assert smallest_half(np.array([0, 1, 2])) == 1
    assert smallest_half(np.array([0, 0])) == 0


def test_the_seed_decides_and_json_holds_all():
    ours, theirs = np.random.default_rng(5).normal(size=(2, 30, 3))
    first, again, other = (measure_manifold(ours, theirs, splits=9, seed=s) for s in (0, 0, 1))
    assert first == again
    assert first.baseline != other.baseline
    content = json.loads(json.dumps(first.as_json(), allow_nan=False))
    assert "k 5" in content["definition"]
    assert content["baseline"]["recall"]["mean"] == first.baseline["recall"].mean


def test_what_has_no_neighbours_is_refused():
    x = np.random.default_rng(6).normal(size=(10, 3))
    for k in (0, 10, 12):
        with pytest.raises(InputError, match="neighbour number"):
            measure_manifold(x, x, k=k)
    with pytest.raises(InputError, match="too few for 5"):
        measure_manifold(x, x, k=5)
    with pytest.raises(InputError, match="too few for 1"):
        measure_manifold(x, x, k=1, patients=["a"] * 10)
    with pytest.raises(InputError, match="3 and 2 features"):
        measure_manifold(x, x[:, :2])
    with pytest.raises(InputError, match="Feature vector 4"):
        measure_manifold(x, np.where(np.arange(10)[:, None] == 3, np.nan, x))
    with pytest.raises(InputError, match="no feature vectors"):
        measure_manifold(x[:0], x)


def test_it_can_be_cancelled():
    def stop(progress):
        raise Cancelled

    x = np.random.default_rng(7).normal(size=(20, 3))
    with pytest.raises(Cancelled):
        measure_manifold(x, x, k=2, on_progress=stop)
