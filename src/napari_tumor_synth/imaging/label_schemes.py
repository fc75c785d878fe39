"""What labels mean: which one is enhancing tumour, and whether the labels asked for know it."""

from collections.abc import Sequence

from napari_tumor_synth.errors import CohortError
from napari_tumor_synth.imaging.case import Case, LabelScheme

_ENHANCING: dict[LabelScheme, int] = {"enhancing-4": 4, "enhancing-3": 3}


def label_name(label: int, scheme: LabelScheme) -> str:
    """Return what a label of a segmentation means, for a person.

    Examples
    --------
    >>> label_name(4, "enhancing-4"), label_name(3, "enhancing-4")
    ('enhancing tumour', 'label 3')
    """
    names = {1: "necrotic and non-enhancing core", 2: "oedema"}
    if scheme != "unknown":
        names[_ENHANCING[scheme]] = "enhancing tumour"
    known = label in names and scheme != "unknown"
    return names[label] if known else f"label {label}"


def require_labels_of_their_schemes(cases: Sequence[Case], labels: Sequence[int] | None) -> None:
    """Make sure that nobody asks for the enhancing part by the number of another release.

    Parameters
    ----------
    cases : sequence of Case
    labels : sequence of int, optional
        Labels that make the tumour; None, all above 0, is right for every scheme.

    Raises
    ------
    CohortError
        Label 4 is asked for where enhancing tumour is 3, or the other way round.
    """
    for scheme, right in _ENHANCING.items():
        of_scheme = [case.name for case in cases if case.label_scheme == scheme]
        wrong = set(_ENHANCING.values()) - {right}
        if not of_scheme or not wrong & set(labels or ()):
            continue
        better = sorted({right if label in wrong else label for label in labels or ()})
        apart = "" if len(of_scheme) == len(cases) else "Prepare cases of other releases apart. "
        raise CohortError(
            f"Label {', '.join(map(str, wrong))} was asked for, but in {len(of_scheme)} of "
            f"{len(cases)} cases, such as {min(of_scheme)}, enhancing tumour is {right}.",
            f"{apart}Use --labels {','.join(map(str, better))} for those.",
        )
