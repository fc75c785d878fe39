"""The picture of a projection.

.. [1] Kwon et al., Generation of 3D Brain MRI Using Auto-Encoding GANs, 2019.
"""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.projection import Projection

_BLUE, _VERMILION = "#0072B2", "#D55E00"  # of Okabe and Ito, told apart by everyone


def draw_projection(projection: Projection, *, title: str = "") -> Figure:
    """Return a scatter plot of the first two components, as figure 3 of [1]_.

    Raises
    ------
    InputError
        There is one component only.
    """
    if projection.explained.size < 2:
        raise InputError("One component makes no plane.", "Project onto two components.")
    figure = Figure(figsize=(6, 5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, places, colour, marker in (
        ("real", projection.real, _BLUE, "o"),
        ("synthetic", projection.synthetic, _VERMILION, "^"),
    ):
        axes.scatter(
            places[:, 0],
            places[:, 1],
            s=22,
            alpha=0.7,
            c=colour,
            marker=marker,
            linewidths=0,
            label=f"{name} (n = {len(places)})",
        )
    first, second = projection.explained[:2]
    axes.set_xlabel(f"component 1 ({first:.1%} of the variance)")
    axes.set_ylabel(f"component 2 ({second:.1%} of the variance)")
    axes.set_title(title)
    axes.legend()
    return figure
