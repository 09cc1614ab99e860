"""What killed processes wrote down can be read, and what they did not finish writing spoils nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.journal import Journal, Reader

if TYPE_CHECKING:
    from pathlib import Path


def test_a_line_that_was_cut_short_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal, reader = Journal(path), Reader(path)
    journal.write("asked", token="T1")
    reader.catch_up()
    with path.open("ab") as file:  # SIGKILL in the middle of a write
        file.write(b'\n{"what": "asked", "tok')
    reader.catch_up()
    journal.write("asked", token="T2")
    reader.catch_up()
    assert [line["token"] for line in reader.lines] == ["T1", "T2"]
    assert reader.count("asked") == 2
