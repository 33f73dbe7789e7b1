from graft.reports.terminal import outcome_table, predictions_table, rendered, scores_table


def test_the_outcome_has_every_split_side_by_side_and_blanks_where_a_number_is_missing():
    summary = {
        "name": "cells",
        "val/accuracy": 0.91234,
        "test/accuracy": 0.8,
        "val/auroc": 0.7,
        "seconds": 61.25,
        "seconds/training": 60.0,
        "pace/data_wait": 12.5,
        "pace/step": 40.25,
        "parameters/total": 3373570,
        "epochs": 3,
    }
    lines = [line.split() for line in rendered(outcome_table(summary)).splitlines()]
    cells = {tuple(line[1:-1:2]) for line in lines if line[0] in "│┃"} | {tuple(line) for line in lines}
    assert ("metric", "val", "test") in cells
    assert ("accuracy", "0.9123", "0.8000") in cells
    assert any("auroc" in line and "0.7000" in line for line in lines)
    assert any("3,373,570" in line for line in lines)
    assert any("of training: waiting for data │ 12.5 s" in " ".join(line) for line in lines)
    assert any("of training: computing │ 40.2 s" in " ".join(line) for line in lines)
    assert any("61.2" in line for line in lines)
    assert not any("epochs" in line for line in lines)


def test_scores_stand_beside_those_of_the_training():
    text = rendered(scores_table({"test/accuracy": 0.5, "val/new": 0.25}, {"test/accuracy": 0.75}))
    assert any("0.5000" in line and "0.7500" in line for line in text.splitlines())
    assert any("val/new" in line and "0.2500" in line for line in text.splitlines())


def test_predictions_of_each_kind_are_shown():
    classes = [
        {"id": "a.png", "prediction": "rose", "probability/rose": 0.75, "probability/tulip": 0.25, "error": None},
        {"id": "b.png", "prediction": None, "probability/rose": None, "probability/tulip": None, "error": "no image"},
    ]
    text = rendered(predictions_table(classes, 10))
    assert [line.split()[1:-1] for line in text.splitlines() if "a.png" in line] == [
        ["a.png", "│", "rose", "│", "0.7500"]
    ]
    assert "no image" in text
    assert "the first 2 of 10" in text
    labels = {"id": "1", "prediction/odd": True, "prediction/even": False, "probability/odd": 0.9, "error": None}
    assert " yes │ " in rendered(predictions_table([labels], 1))
    values = {"id": "1", "prediction/weight": 12.3456, "error": None}
    assert " 12.35 " in rendered(predictions_table([values], 1))
