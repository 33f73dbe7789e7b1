from graft.reports.terminal import outcome_table, rendered, scores_table


def test_the_outcome_has_every_split_side_by_side_and_blanks_where_a_number_is_missing():
    summary = {
        "name": "cells",
        "val/accuracy": 0.91234,
        "test/accuracy": 0.8,
        "val/auroc": 0.7,
        "seconds": 61.25,
        "seconds/training": 60.0,
        "parameters/total": 3373570,
        "epochs": 3,
    }
    lines = [line.split() for line in rendered(outcome_table(summary)).splitlines()]
    cells = {tuple(line[1:-1:2]) for line in lines if line[0] in "│┃"} | {tuple(line) for line in lines}
    assert ("metric", "val", "test") in cells
    assert ("accuracy", "0.9123", "0.8000") in cells
    assert any("auroc" in line and "0.7000" in line for line in lines)
    assert any("3,373,570" in line for line in lines)
    assert any("61.2" in line for line in lines)
    assert not any("epochs" in line for line in lines)


def test_scores_stand_beside_those_of_the_training():
    text = rendered(scores_table({"test/accuracy": 0.5, "val/new": 0.25}, {"test/accuracy": 0.75}))
    assert any("0.5000" in line and "0.7500" in line for line in text.splitlines())
    assert any("val/new" in line and "0.2500" in line for line in text.splitlines())
