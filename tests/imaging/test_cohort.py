import errno
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_tumor_synth.errors import CohortError
from napari_tumor_synth.imaging.cohort import SkippedCase, find_cases, read_cohort

OLD = ("flair", "t1", "t1ce", "t2", "seg")
NEW = ("t1n", "t1c", "t2w", "t2f", "seg")


def put(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def put_case(folder: Path, name: str, parts=OLD, joint="_", suffix=".nii.gz") -> None:
    put(folder / name, *(f"{name}{joint}{part}{suffix}" for part in parts))


def test_brats_2018_folders_give_classes_and_files(tmp_path):
    put_case(tmp_path / "HGG", "Brats18_TCIA01_201_1")
    put_case(tmp_path / "LGG", "Brats18_CBICA_ABC_1", suffix=".nii")
    low, high = find_cases(tmp_path)
    assert (low.name, low.class_name, low.patient) == ("Brats18_CBICA_ABC_1", "LGG", "CBICA_ABC")
    assert (high.name, high.class_name, high.patient) == ("Brats18_TCIA01_201_1", "HGG", "TCIA_201")
    folder = tmp_path / "HGG" / "Brats18_TCIA01_201_1"
    assert high.segmentation == folder / "Brats18_TCIA01_201_1_seg.nii.gz"
    assert dict(high.sequences) == {
        part: folder / f"Brats18_TCIA01_201_1_{part}.nii.gz" for part in OLD[:-1]
    }
    assert high.label_scheme == "enhancing-4"
    assert not high.is_phantom


def test_the_folder_of_one_class_may_be_given(tmp_path):
    put_case(tmp_path / "LGG", "BraTS2021_01476")
    (case,) = find_cases(tmp_path / "LGG")
    assert (case.class_name, case.patient) == ("LGG", "BraTS2021_01476")


def test_the_working_directory_may_be_the_folder_of_one_class(tmp_path, monkeypatch):
    put_case(tmp_path / "HGG", "BraTS2021_01476")
    monkeypatch.chdir(tmp_path / "HGG")
    assert find_cases(".")[0].class_name == "HGG"


def test_releases_that_hold_one_patient_agree_on_who_it_is(tmp_path):
    for name in ("Brats17_TCIA_201_1", "Brats18_TCIA01_201_1", "BraTS19_TCIA01_201_1"):
        put_case(tmp_path, name)
    put_case(tmp_path, "Brats18_2013_10_1")
    put_case(tmp_path, "Brats17_2013_1_1")
    by_name = {case.name: case.patient for case in find_cases(tmp_path)}
    assert by_name == {
        "Brats17_TCIA_201_1": "TCIA_201",
        "Brats18_TCIA01_201_1": "TCIA_201",
        "BraTS19_TCIA01_201_1": "TCIA_201",
        "Brats18_2013_10_1": "2013_10",
        "Brats17_2013_1_1": "2013_1",
    }


@pytest.mark.parametrize("challenge", ["GLI", "SSA", "PED"])
def test_brats_2023_time_points_belong_to_one_patient(tmp_path, challenge):
    for name in ("00000-000", "00000-001", "00002-000"):
        put_case(tmp_path, f"BraTS-{challenge}-{name}", NEW, joint="-")
    cases = find_cases(tmp_path)
    start = f"BraTS-{challenge}-"
    assert [case.patient for case in cases] == [start + "00000", start + "00000", start + "00002"]
    scheme = "unknown" if challenge == "PED" else "enhancing-3"
    assert {case.label_scheme for case in cases} == {scheme}
    assert {case.class_name for case in cases} == {"unknown"}
    first = cases[0]
    folder = tmp_path / first.name
    assert dict(first.sequences) == {
        "flair": folder / f"{first.name}-t2f.nii.gz",
        "t1": folder / f"{first.name}-t1n.nii.gz",
        "t1ce": folder / f"{first.name}-t1c.nii.gz",
        "t2": folder / f"{first.name}-t2w.nii.gz",
    }


def test_name_mapping_gives_classes_and_patients(tmp_path):
    put_case(tmp_path, "BraTS20_Training_001")
    put_case(tmp_path, "BraTS20_Training_002")
    put_case(tmp_path, "BraTS20_Training_003")
    (tmp_path / "name_mapping.csv").write_text(
        "Grade,BraTS_2017_subject_ID,BraTS_2018_subject_ID,TCGA_TCIA_subject_ID,"
        "BraTS_2019_subject_ID,BraTS_2020_subject_ID\n"
        "HGG,Brats17_TCIA_201_1,Brats18_TCIA01_201_1,TCGA-1,BraTS19_TCIA01_201_1,"
        "BraTS20_Training_001\n"
        "LGG,NA,NA,NA,NA,BraTS20_Training_002\n"
    )
    put(tmp_path, "name_mapping_validation_data.csv")
    found = {case.name: (case.class_name, case.patient) for case in find_cases(tmp_path)}
    assert found == {
        "BraTS20_Training_001": ("HGG", "TCIA_201"),
        "BraTS20_Training_002": ("LGG", "BraTS20_Training_002"),
        "BraTS20_Training_003": ("unknown", "BraTS20_Training_003"),
    }


def test_folder_wins_over_name_mapping_and_says_so(tmp_path):
    put_case(tmp_path / "LGG", "BraTS19_CBICA_AAB_1")
    (tmp_path / "name_mapping.csv").write_text(
        "Grade,BraTS_2019_subject_ID\nHGG,BraTS19_CBICA_AAB_1\n"
    )
    cohort = read_cohort(tmp_path)
    assert cohort.cases[0].class_name == "LGG"
    assert cohort.notes == (
        "BraTS19_CBICA_AAB_1 lies in a folder LGG, which counts; the table says HGG.",
    )


def test_name_mapping_that_contradicts_itself_is_refused(tmp_path):
    put_case(tmp_path, "BraTS19_CBICA_AAB_1")
    (tmp_path / "name_mapping.csv").write_text(
        "Grade,BraTS_2019_subject_ID\nHGG,BraTS19_CBICA_AAB_1\nLGG,BraTS19_CBICA_AAB_1\n"
    )
    with pytest.raises(CohortError, match="both HGG and LGG"):
        find_cases(tmp_path)


def test_phantoms_are_known_as_such(tmp_path):
    put_case(tmp_path / "LGG", "Phantom_LGG_000007")
    (case,) = find_cases(tmp_path)
    assert case.is_phantom
    assert (case.class_name, case.patient) == ("LGG", "Phantom_LGG_000007")
    assert case.label_scheme == "enhancing-4"


@pytest.mark.parametrize(
    "name", ["Phantom_Limb_1", "Phantom_HGG_000001_DOE", "Phantom_HGG_1", "Phantom_BRAF_000001"]
)
def test_a_patient_is_no_phantom_whatever_the_name_begins_with(tmp_path, name):
    put_case(tmp_path, name)
    (case,) = find_cases(tmp_path)
    assert not case.is_phantom


def test_incomplete_cases_are_reported(tmp_path):
    put_case(tmp_path, "Brats18_A_1")
    put_case(tmp_path, "Brats18_B_1", ("flair", "t1"))
    put_case(tmp_path, "Brats18_C_1", ("seg",))
    put_case(tmp_path, "Brats18_D_1", ("t1", "t2", "seg"))
    cohort = read_cohort(tmp_path, sequences=("flair", "t1ce"))
    assert [case.name for case in cohort.cases] == ["Brats18_A_1"]
    assert [(case.name, case.reason) for case in cohort.skipped] == [
        ("Brats18_B_1", "it has no segmentation"),
        ("Brats18_C_1", "it has no image"),
        ("Brats18_D_1", "it has no flair and no t1ce image"),
    ]


def test_hidden_and_macos_files_are_ignored(tmp_path):
    put_case(tmp_path, "Brats18_A_1")
    put(
        tmp_path / "Brats18_A_1", "._Brats18_A_1_flair.nii.gz", ".DS_Store", "._Brats18_Z_1_seg.nii"
    )
    put_case(tmp_path / ".trash", "Brats18_B_1")
    cohort = read_cohort(tmp_path)
    assert [case.name for case in cohort.cases] == ["Brats18_A_1"]
    assert cohort.skipped == ()
    assert cohort.cases[0].sequences["flair"].name == "Brats18_A_1_flair.nii.gz"


def test_search_is_bounded_and_follows_links_once(tmp_path):
    deep = tmp_path / "1" / "2" / "3" / "4" / "5"
    put_case(deep, "Brats18_A_1")
    put_case(deep / "6", "Brats18_B_1")
    store = tmp_path.parent / f"{tmp_path.name}-store"
    put_case(store, "Brats18_C_1")
    (tmp_path / "link").symlink_to(store, target_is_directory=True)
    (store / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert [case.name for case in find_cases(tmp_path)] == ["Brats18_A_1", "Brats18_C_1"]


def test_folders_that_cannot_be_read_are_named(tmp_path, monkeypatch):
    put_case(tmp_path / "HGG", "Brats18_A_1")
    put_case(tmp_path / "LGG", "Brats18_B_1")
    real = os.scandir

    def scandir(path):
        if Path(path).name == "LGG":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    cohort = read_cohort(tmp_path)
    assert [case.name for case in cohort.cases] == ["Brats18_A_1"]
    assert cohort.skipped == (SkippedCase("LGG", "this folder cannot be read: Permission denied"),)
    with pytest.raises(CohortError, match=r"LGG cannot be read: Permission denied"):
        read_cohort(tmp_path / "LGG")


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_names_that_are_no_utf_8_are_skipped(tmp_path):
    put_case(tmp_path, "Brats18_A_1")
    broken = os.fsdecode(b"Brats18_B\xff_1")
    put_case(tmp_path, broken)
    put(tmp_path / broken, f"{broken}_flair.nii")  # beside the same name with .gz
    put(tmp_path, os.fsdecode(b"Brats18_\xff_seg.nii"))
    cohort = read_cohort(tmp_path)
    assert [case.name for case in cohort.cases] == ["Brats18_A_1"]
    assert [case.name for case in cohort.skipped] == ["Brats18_?", "Brats18_B?_1"]
    assert {case.reason for case in cohort.skipped} == {
        "its name is not valid UTF-8; rename its files"
    }
    assert cohort.notes == ()


def test_one_file_in_two_compressions_is_noted(tmp_path):
    put_case(tmp_path, "Brats18_A_1")
    put(tmp_path / "Brats18_A_1", "Brats18_A_1_flair.nii")
    cohort = read_cohort(tmp_path)
    assert cohort.cases[0].sequences["flair"].name == "Brats18_A_1_flair.nii"
    assert cohort.notes == (
        "Brats18_A_1_flair.nii is used, Brats18_A_1_flair.nii.gz beside it is not.",
    )


def test_two_cases_of_one_name_are_refused(tmp_path):
    put_case(tmp_path / "HGG", "Brats18_A_1")
    put_case(tmp_path / "copy", "Brats18_A_1")
    with pytest.raises(CohortError, match="Two cases are called Brats18_A_1"):
        find_cases(tmp_path)


@pytest.mark.parametrize("content", ["nothing", "other files", "incomplete"])
def test_a_folder_without_cases_explains_what_is_expected(tmp_path, content):
    if content == "other files":
        put(tmp_path, "IM0001.dcm", "scan.nii.gz")
    if content == "incomplete":
        put_case(tmp_path, "Brats18_A_1", ("flair",))
    with pytest.raises(CohortError, match="No complete case") as caught:
        find_cases(tmp_path)
    expected = (
        "Brats18_A_1: it has no segmentation" if content == "incomplete" else "patient, class"
    )
    assert expected in caught.value.remedy


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(CohortError, match=r"no folder or table .*nowhere"):
        find_cases(tmp_path / "nowhere")


# tables


def write_table(folder: Path, text: str) -> Path:
    put(folder / "scans", *(f"{patient}{n}.nii.gz" for patient in "abc" for n in range(6)))
    table = folder / "cohort.csv"
    table.write_text(text, "utf-8")
    return table


def test_a_table_lists_any_files_and_classes(tmp_path):
    table = write_table(
        tmp_path,
        "\ufeffPatient;Class;T2F;t1ce;Segmentation;age\n"
        f"b;BRAF fusion;scans/b0.nii.gz;{tmp_path}/scans/b1.nii.gz;./scans/b2.nii.gz;7\n"
        "a;;scans/a0.nii.gz;;scans/a2.nii.gz;9\n\n",
    )
    cohort = read_cohort(table)
    first, second = cohort.cases
    assert (first.patient, first.name, first.class_name) == ("a", "a", "unknown")
    assert dict(first.sequences) == {"flair": tmp_path / "scans" / "a0.nii.gz"}
    assert (second.class_name, second.label_scheme) == ("BRAF fusion", "unknown")
    assert second.sequences["t1ce"] == tmp_path / "scans" / "b1.nii.gz"
    assert second.segmentation == tmp_path / "scans" / "b2.nii.gz"
    assert cohort.notes == ("Columns of the table that were ignored: age.",)
    assert cohort.classes == ("BRAF fusion",)


def test_examinations_of_one_patient_are_numbered_by_file_not_by_row(tmp_path):
    header = "patient,class,flair,segmentation\n"
    rows = [f"a,X,scans/a{n}.nii.gz,scans/a{n + 1}.nii.gz\n" for n in (0, 2, 4)]
    names = {
        order: {
            case.segmentation.name: case.name
            for case in find_cases(write_table(tmp_path, header + "".join(rows[::order])))
        }
        for order in (1, -1)
    }
    assert names[1] == {"a1.nii.gz": "a-1", "a3.nii.gz": "a-2", "a5.nii.gz": "a-3"}
    assert names[-1] == names[1]


def test_a_sequence_of_its_own_name_is_read_when_asked_for(tmp_path):
    table = write_table(
        tmp_path, "patient,class,ADC,segmentation\na,X,scans/a0.nii.gz,scans/a1.nii.gz\n"
    )
    (case,) = read_cohort(table, sequences=("ADC",)).cases
    assert list(case.sequences) == ["ADC"]
    with pytest.raises(CohortError, match="no column for any sequence"):
        read_cohort(table)


def test_incomplete_rows_are_reported(tmp_path):
    table = write_table(
        tmp_path,
        "patient,class,flair,t2,segmentation\n"
        "a,X,scans/a0.nii.gz,,scans/a1.nii.gz\n"
        "b,X,scans/b0.nii.gz,scans/b1.nii.gz,\n"
        "c,X,scans/c0.nii.gz,scans/c1.nii.gz,scans/c2.nii.gz\n",
    )
    cohort = read_cohort(table, sequences=("flair", "t2"))
    assert [case.name for case in cohort.cases] == ["c"]
    assert [(case.name, case.reason) for case in cohort.skipped] == [
        ("a", "row 2 of the table names no t2"),
        ("b", "row 3 of the table names no segmentation"),
    ]


HEADER = "patient,class,flair,segmentation\n"
ROW = "a,X,scans/a0.nii.gz,scans/a1.nii.gz\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no column patient, class, segmentation"),
        ("patient,class,flair\n", "has no column segmentation"),
        ("patient,class,segmentation\n", "no column for any sequence"),
        ("patient,class,flair,t2f,segmentation\n", "two columns for flair"),
        (HEADER + ROW + ROW, "Row 3 .* column flair .*a0.* row 2"),
        (HEADER + ROW + "b,X,scans/b0.nii.gz,./scans/a1.nii.gz\n", "Row 3 .*segmentation.*row 2"),
        (HEADER + "a,X,scans/a0.nii.gz,scans/a0.nii.gz\n", "Row 2 .* row 2 does in column flair"),
        (HEADER + "a,X,scans/none.nii.gz,scans/a1.nii.gz\n", "Row 2 .*column flair.*none.nii.gz"),
        (HEADER + "a,X,~nobody-here/a.nii.gz,scans/a1.nii.gz\n", "Row 2 .*flair.*~nobody-here/a"),
        (HEADER + f"a,X,{'a' * 300}.nii,scans/a1.nii.gz\n", "Row 2 .*column flair.*aaa.nii"),
        (HEADER + ROW + "\n,X,scans/b0.nii.gz,scans/b1.nii.gz\n", "Row 4 .*column patient"),
        (HEADER + "a,X,Y,scans/a0.nii.gz,scans/a1.nii.gz\n", "Row 2 .* 5 cells"),
        (HEADER + 'a,"X,scans/a0.nii.gz\n', "Cannot read the table"),
        (
            "name," + HEADER + "n," + ROW + "n,b,X,scans/b0.nii.gz,scans/b1.nii.gz\n",
            "Row 2 .* is called n",
        ),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(tmp_path, text, problem):
    with pytest.raises(CohortError, match=problem) as caught:
        find_cases(write_table(tmp_path, text))
    assert caught.value.remedy.endswith(".")


def test_a_table_that_is_no_text_is_refused(tmp_path):
    table = tmp_path / "cohort.csv"
    table.write_bytes(b"\x89PNG\r\n\xff\xfe\x00")
    with pytest.raises(CohortError, match="Cannot read the table"):
        find_cases(table)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(
        alphabet=st.sampled_from('abX,;\t"\n\r scans/0.nii.gzflairpatientclass\u2028'), max_size=200
    )
)
def test_whatever_a_table_holds_it_is_read_or_refused(tmp_path, text):
    table = write_table(tmp_path, HEADER + ROW + text)
    try:
        cohort = read_cohort(table)
    except CohortError as error:
        problem = error.problem
    else:
        assert "a" in {case.patient for case in cohort.cases}
        return
    assert str(table) in problem


@pytest.mark.real_data
def test_the_real_cases_are_all_found(real_cases):
    cohort = read_cohort(real_cases[0].segmentation.parents[3])
    classes = [case.class_name for case in cohort.cases]
    assert (classes.count("HGG"), classes.count("LGG")) == (8, 10)
    assert len({case.patient for case in cohort.cases}) == 18
    assert all(set(case.sequences) == {"flair", "t1", "t1ce", "t2"} for case in cohort.cases)
    assert cohort.skipped == ()
