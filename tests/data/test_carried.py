from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graft.data.carried import carried_columns
from graft.errors import GraftError


def test_all_columns_or_those_wanted_come_as_they_are(tmp_path: Path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": [7, 8], "tags": [["a"], []], "text": ["x", None]}), path)
    (found,) = carried_columns(path, None)
    assert found.to_pydict() == {"id": [7, 8], "tags": [["a"], []], "text": ["x", None]}
    (found,) = carried_columns(path, ["text", "id"])
    assert found.schema.names == ["text", "id"]
    assert carried_columns(path, []) is None
    with pytest.raises(GraftError, match=r"no column 'txet'. Did you mean 'text'"):
        carried_columns(path, ["txet"])


def test_columns_of_csv_are_text_whatever_bytes_they_hold(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"number,text\n007,a\n1.5,gr\xfcn\n")
    (found,) = carried_columns(path, None)
    assert found["number"].to_pylist() == ["007", "1.5"]
    assert found["text"].to_pylist() == ["a", "gr\ufffdn"]


def test_what_is_no_table_has_no_columns(tmp_path: Path):
    assert carried_columns(tmp_path, None) is None


def test_a_part_is_read_when_it_is_asked_for(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"number": 1}\n')
    found = carried_columns(path, None)
    path.write_text('{"number": 2}\n')
    assert next(found).to_pylist() == [{"number": 2}]
