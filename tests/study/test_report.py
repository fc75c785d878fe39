"""A study's report says what the answers are, and nothing before the key is there."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from made_up_study import made_up_study, read_all
from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.study.answers_table import gather
from napari_tumor_synth.study.event_chain import beginning_of, read_log
from napari_tumor_synth.study.key_file import read_key_file
from napari_tumor_synth.study.reading import open_reading
from napari_tumor_synth.study.study_file import Study
from napari_tumor_synth.workflows.study_report import report_on_study

SKILLS = {"A": 0.6, "B": 1.2, "C": 1.8, "D": 3.0, "E": 1.0, "F": 1.6}


@pytest.fixture(scope="module", params=["single", "2afc"])
def read(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    made = made_up_study(
        folder, generators=2, task=request.param, readers=tuple(SKILLS), real=16, synthetic=12,
        repeats=0.2, block_size=10,
    )  # fmt: skip
    for reader, skill in SKILLS.items():
        read_all(made, reader, skill)
    return made


@pytest.fixture(scope="module")
def report(read, tmp_path_factory):
    return report_on_study(read.study.folder, read.key, tmp_path_factory.mktemp("out") / "report")


def table(report, name):
    with (report.html.parent / "tables" / f"{name}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_figures_are_those_of_the_answers(read, report):
    long = [row for row in table(report, "answers_long") if row["is_repeat"] == "0"]
    task = read.study.file.design.task
    for told in table(report, "each_reader"):
        own = [row for row in long if row["reader"] == told["reader"]]
        right = sum(row["is_right"] == "1" for row in own)
        assert (int(told["right"]), int(told["of"])) == (right, len(own))
        assert len(own) == (16 + 24 if task == "single" else 24)
        if task == "single":
            truth = [row["truth"] == "synthetic" for row in own]
            area = roc_auc_score(truth, [int(row["rating"]) for row in own])
            (apart,) = [
                row for row in table(report, "detection") if row["reader"] == told["reader"]
            ]
            assert float(apart["AUC"]) == pytest.approx(area)
    accuracies = {row["reader"]: float(row["accuracy"]) for row in table(report, "each_reader")}
    assert accuracies["D"] > accuracies["A"]
    assert accuracies["D"] > 0.8
    pooled = {row["cases"]: row for row in table(report, "pooled")}
    assert {"all", "vqgan", "wgan", "class LGG", "class HGG", "medium"} <= set(pooled)
    assert any(name.startswith("small (below ") for name in pooled)
    assert {row["intervals about"] for row in pooled.values()} == {"other readers"}
    assert len(report.data["contrasts"]) == 1
    if task == "2afc":
        mean = np.mean(list(accuracies.values()))
        assert float(pooled["all"]["accuracy"]) == pytest.approx(mean)
    assert "Readers told real from synthetic" in report.lines[0]
    assert "about other readers and cases" in report.lines[1]


def test_imrmc_holds_every_rating_and_the_truth_of_every_case(read, report):
    if read.study.file.design.task == "2afc":
        assert not (report.html.parent / "tables" / "imrmc.csv").exists()
        assert "no two observations" in report.html.read_text("utf-8")
        return
    rows = table(report, "imrmc")
    truth = {row["caseID"]: int(row["score"]) for row in rows if row["readerID"] == "truth"}
    ratings = [row for row in rows if row["readerID"] != "truth"]
    assert {row["caseID"] for row in ratings} == set(truth)
    assert {row["modalityID"] for row in ratings} == {"vqgan", "wgan"}
    long = [row for row in table(report, "answers_long") if row["is_repeat"] == "0"]
    assert len(ratings) == len(long) + 6 * 16  # real ones in both modalities
    for reader in ("A", "D"):
        own = [row for row in ratings if (row["readerID"], row["modalityID"]) == (reader, "vqgan")]
        area = roc_auc_score(
            [truth[row["caseID"]] for row in own], [float(row["score"]) for row in own]
        )
        if reader == "D":
            assert area > 0.8


def test_the_matrix_holds_ratings_toward_synthetic(read, report):
    matrix = {row["case"]: row for row in table(report, "reader_by_case")}
    for row in table(report, "answers_long"):
        if row["is_repeat"] == "0":
            told = matrix[row["case"]]
            rating = int(row["rating"])
            turned = 7 - rating if row["truth"] == "left" else rating
            assert int(told[row["reader"]]) == turned
            assert told["truth"] == (row["truth"] if row["generator"] == "" else told["truth"])
    truths = {row["truth"] for row in matrix.values()}
    single = read.study.file.design.task == "single"
    assert truths == ({"real", "synthetic"} if single else {"pair"})


def test_the_page_and_its_pictures(report):
    page = report.html.read_text("utf-8")
    assert "not for clinical use" in page
    assert "keep it from readers who have not finished" in page
    assert "naive" not in page
    names = {path.stem for path in (report.html.parent / "pictures").iterdir()}
    assert {"ratings", "accuracy", "course", "cases_0", "cases_1"} <= names
    assert page.count('src="data:image/png;base64,') == len(names)  # can be mailed alone
    assert 'src="pictures' not in page
    for path in (report.html.parent / "pictures").iterdir():
        with Image.open(path) as picture:
            assert picture.size[0] > 300
    data = json.loads((report.html.parent / "report.json").read_text("utf-8"))
    assert data["study_sha256"] == report.data["study_sha256"]
    assert data["agreement"]["alpha"]["low"] < data["agreement"]["alpha"]["value"]
    assert data["software"] == data["reported_with"]


def test_what_readers_type_is_no_formula_and_no_markup(tmp_path):
    made = made_up_study(tmp_path, training=0)
    reading = open_reading(made.study, "R1")
    reading.agree(specialty="=1+1", display="<b>dark</b>")
    while reading.phase != "finished":
        if reading.phase == "break":
            reading.end_break()
            continue
        reading.shown()
        reading.comment('=HYPERLINK("http://x","see")')
        reading.rate(2)
        reading.confirm()
    reading.close()
    found = report_on_study(made.study.folder, made.key, tmp_path / "r")
    assert {row["comment"] for row in table(found, "answers_long")} == {
        '\'=HYPERLINK("http://x","see")'
    }
    assert "'=1+1" in (tmp_path / "r" / "tables" / "readers.csv").read_text("utf-8")
    page = found.html.read_text("utf-8")
    assert "<b>dark" not in page
    assert "&lt;b&gt;dark" in page


def test_looking_before_the_end_is_told_later(tmp_path):
    made = made_up_study(tmp_path)
    read_all(made, "R1", 1.0)
    early = report_on_study(made.study.folder, made.key, tmp_path / "early")
    assert "Unblinded" not in early.html.read_text("utf-8")
    read_all(made, "R2", 1.0)
    late = report_on_study(made.study.folder, made.key, tmp_path / "late")
    assert "Unblinded 1 time before all readings were finished" in late.html.read_text("utf-8")


def test_unblinding_is_written_down(read, report, tmp_path):
    study = read.study
    log = study.folder / "unblinding.jsonl"
    beginning = beginning_of(study.file.sha256, "unblinding")
    before = len(read_log(log, beginning))
    report_on_study(study.folder, read.key, tmp_path / "again")
    events = read_log(log, beginning)
    assert len(events) == before + 1
    assert events[-1]["event"] == "unblinded"
    assert events[-1]["finished"] == dict.fromkeys(SKILLS, True)


def test_a_report_never_lies_with_the_study(read):
    with pytest.raises(StudyError, match="where readers find it"):
        report_on_study(read.study.folder, read.key, read.study.folder / "report")
    assert not (read.study.folder / "report").exists()


def test_repeats_do_not_count(read):
    answers = gather(read.study, read_key_file(read.key, read.study.file))
    repeats = [row for row in answers.rows if row.is_repeat]
    assert len(repeats) == 6 * round(0.2 * (40 if read.study.file.design.task == "single" else 24))


def test_what_stops_a_report(tmp_path):
    made = made_up_study(tmp_path)
    with pytest.raises(StudyError, match="has been rated yet"):
        report_on_study(made.study.folder, made.key, tmp_path / "r")
    assert not (made.study.folder / "unblinding.jsonl").exists()
    other = made_up_study(tmp_path / "other")
    read_all(made, "R1")
    with pytest.raises(StudyError, match="belongs to another study"):
        report_on_study(made.study.folder, other.key, tmp_path / "r")
    with pytest.raises(StudyError, match="There is no key file"):
        report_on_study(made.study.folder, tmp_path / "none.json", tmp_path / "r")
    with pytest.raises(StudyError, match="no study"):
        report_on_study(tmp_path, made.key, tmp_path / "r")
    log = made.study.readings / "R1.jsonl"
    stored = log.read_bytes()
    log.rename(made.study.readings / "R2.jsonl")
    with pytest.raises(StudyError, match="belongs to another study or reader"):
        report_on_study(made.study.folder, made.key, tmp_path / "r")
    (made.study.readings / "R2.jsonl").unlink()
    log.write_bytes(stored.replace(b'"rating":', b'"rating": ', 1))
    assert len(read_log(log, beginning_of(made.study.file.sha256, "R1"))) > 10  # only the layout
    log.write_bytes(stored.replace(b'"rating":1', b'"rating":6', 1))
    with pytest.raises(StudyError, match="was altered"):
        report_on_study(made.study.folder, made.key, tmp_path / "r")
    log.write_bytes(stored)
    copy = next(path for path in (made.study.folder / "images").iterdir())
    copy.write_bytes(copy.read_bytes()[:-1] + b"\x09")
    with pytest.raises(StudyError, match="is not the display copy"):
        report_on_study(made.study.folder, made.key, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_few_and_unfinished_readers_are_reported_as_what_they_are(tmp_path):
    made = made_up_study(tmp_path)
    read_all(made, "R1", 1.0)
    reading = open_reading(made.study, "R2")
    reading.agree()
    reading.close()
    found = report_on_study(made.study.folder, made.key, tmp_path / "r")
    page = found.html.read_text("utf-8")
    assert "Not finished: R2" in page
    assert "readers are taken as fixed" in found.lines[1]
    assert [row["finished"] for row in table(found, "flow")] == ["yes", "no"]
    Study.open(made.study.folder)
    reading = open_reading(made.study, "R2")
    for _ in range(2):
        reading.shown()
        reading.cannot_judge("too dark")
        reading.confirm()
        reading.end_feedback()
    reading.end_break()
    for rating in (1, None, 6, 2):
        reading.shown()
        reading.rate(rating) if rating else reading.cannot_judge("cut off")
        reading.confirm()
    reading.close()
    found = report_on_study(made.study.folder, made.key, tmp_path / "r")
    (row,) = [row for row in table(found, "flow") if row["reader"] == "R2"]
    assert (row["answered"], row["rated"], row["could not judge"]) == ("4", "3", "1")
