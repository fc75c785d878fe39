import json

import numpy as np
import pytest
from matplotlib.colors import to_hex
from sklearn.decomposition import PCA

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gram import gram_of_features
from napari_tumor_synth.evaluation.projection import project, project_gram
from napari_tumor_synth.evaluation.projection_plot import draw_projection
from ssim_blobs import blob


def blobs(count, seed, size=16):
    rng = np.random.default_rng(seed)
    return [blob(rng, size) for _ in range(count)]


def test_coordinates_and_variances_are_sklearns_up_to_sign():
    ours, theirs = blobs(7, 0), blobs(5, 1)
    found = project(ours, theirs, components=3)
    rows = np.stack([roi.ravel() for roi in [*ours, *theirs]]).astype(np.float64)
    pca = PCA(3, svd_solver="full").fit(rows)
    expected = pca.transform(rows)
    places = np.concatenate([found.synthetic, found.real])
    signs = np.sign((places * expected).sum(axis=0))
    assert places == pytest.approx(expected * signs, abs=1e-3)
    assert found.explained == pytest.approx(pca.explained_variance_ratio_, rel=1e-5)
    assert found.synthetic.shape == (7, 3)


def test_features_are_projected_exactly():
    rows = np.random.default_rng(0).normal(size=(30, 6))
    found = project_gram(gram_of_features(rows), 10, 6)
    pca = PCA(6, svd_solver="full").fit(rows)
    places = np.concatenate([found.synthetic, found.real])
    assert np.abs(places) == pytest.approx(np.abs(pca.transform(rows)), abs=1e-10)
    assert found.explained.sum() == pytest.approx(1)


def test_the_largest_coordinate_is_positive_whatever_the_order():
    rows = np.random.default_rng(1).normal(size=(12, 5))
    found = project_gram(gram_of_features(rows), 4)
    places = np.concatenate([found.synthetic, found.real])
    assert (np.abs(places).max(axis=0) == places.max(axis=0)).all()
    turned = project_gram(gram_of_features(-rows[::-1]), 4)
    again = np.concatenate([turned.synthetic, turned.real])[::-1]
    assert np.abs(again) == pytest.approx(np.abs(places), abs=1e-9)
    assert (np.abs(again).max(axis=0) == again.max(axis=0)).all()


def test_collapse_is_a_narrow_cloud():
    real, near = blobs(20, 0), blobs(1, 5)[0]
    found = project([near] * 20, real)
    assert np.ptp(found.synthetic, axis=0).max() < 0.01 * np.ptp(found.real, axis=0).max()


def test_the_picture_says_what_it_shows():
    found = project(blobs(6, 0), blobs(4, 1))
    figure = draw_projection(found, title="a generator")
    figure.canvas.draw()
    (axes,) = figure.axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["real (n = 4)", "synthetic (n = 6)"]
    clouds = axes.collections
    assert np.array_equal(clouds[0].get_offsets(), found.real[:, :2])
    assert np.array_equal(clouds[1].get_offsets(), found.synthetic[:, :2])
    assert [to_hex(cloud.get_facecolor()[0]) for cloud in clouds] == ["#0072b2", "#d55e00"]
    assert f"{found.explained[0]:.1%}" in axes.get_xlabel()
    assert f"{found.explained[1]:.1%}" in axes.get_ylabel()
    assert axes.get_title() == "a generator"
    json.dumps(found.as_json(), allow_nan=False)


def test_what_cannot_be_projected_is_refused():
    same = [blobs(1, 0)[0]] * 4
    with pytest.raises(InputError, match="fewer than 2 directions"):
        project(same, same)
    with pytest.raises(InputError, match="fewer than 2 directions"):
        project(same, blobs(1, 1))  # one direction only
    empty = [np.full((8, 8, 8), -1, np.float32)] * 3
    with pytest.raises(InputError, match="fewer than 2 directions"):
        project(empty, empty)
    for ours, theirs, components in ((0, 3, 1), (3, 0, 1), (1, 1, 2), (2, 2, 0)):
        with pytest.raises(InputError, match="cannot be projected"):
            project(blobs(ours, 0), blobs(theirs, 1), components=components)
    line = project(blobs(2, 0), blobs(2, 1), components=1)
    with pytest.raises(InputError, match="no plane"):
        draw_projection(line)
