import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import ManifestError
from manifests.review_file import VERDICTS, Decision, Refused, read_review


def read(folder: Path, text: str, name: str = "review.csv") -> list[Decision | Refused]:
    (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    return read_review(str(folder / name))


def codes(lines: list[Decision | Refused]) -> list[str]:
    return [each.code if isinstance(each, Refused) else each.verdict for each in lines]


HOSTILE = st.text(st.sampled_from("ab,;\"'\n\r\t=+-@ü𝄞 <>"), min_size=1, max_size=8).map(str.strip).filter(bool)


@given(st.dictionaries(HOSTILE, st.tuples(st.sampled_from(VERDICTS), HOSTILE), max_size=6), st.sampled_from(",;\t"))
def test_ids_and_notes_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, tuple[str, str]], delimiter: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "decision", "reason", "note", "key"])
    writer.writerows([id, verdict, "shape", note, "ab12"] for id, (verdict, note) in entries.items())
    found = read(tmp_path_factory.getbasetemp(), text.getvalue())  # ids of manifests are trimmed, so these are
    assert {each.id: (each.verdict, each.note) for each in found if isinstance(each, Decision)} == entries
    assert len(found) == len(entries)


def test_every_wrong_line_has_its_code_and_number(tmp_path: Path) -> None:
    lines = ["id,decision,reason,note", "a,approve", "b,keep", ",reject", "c,REJECT,Shape", "d,reject,no such!", ""]
    found = read(tmp_path, "\n".join([*lines, f"e,approve,,{'x' * 2001}", "a,remake", "g", 'f,approve,"x"y']))
    assert codes(found) == [
        "review.repeated", "review.unknown-decision", "review.no-id", "reject", "review.bad-reason",
        "review.too-long", "remake", "review.unknown-decision", "review.bad-csv",
    ]  # fmt: skip
    assert [each.line for each in found] == [2, 3, 4, 5, 6, 8, 9, 10, 11]
    assert found[3] == Decision(5, "c", "reject", "shape")


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "id\nx\n", "\0\0"])
def test_a_file_without_decisions_is_refused_as_a_whole(tmp_path: Path, content: str) -> None:
    with pytest.raises(ManifestError):
        read(tmp_path, content)


def test_packed_files_and_rows_that_are_no_asset_s_id(tmp_path: Path) -> None:
    (tmp_path / "r.csv.gz").write_bytes(gzip.compress("\ufeffid;decision\r\n#row7;reject\r\n".encode()))
    assert read_review(str(tmp_path / "r.csv.gz")) == [Decision(2, "#row7", "reject")]
    assert read(tmp_path, '{"id": 7, "decision": "approve", "key": "ab"}\n', "r.jsonl") == [
        Decision(1, "7", "approve", key="ab")
    ]
