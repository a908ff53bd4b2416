"""Logs keep whole lines with their time, and cannot grow without end."""

import threading

from geoscope.runtime.log_files import KEPT_FILES, LONGEST_LINE_BYTES, MAX_BYTES, LogFile, follow, tail


def test_pieces_become_whole_lines_with_their_time(tmp_path):
    log = LogFile(tmp_path / "part.log")
    log.feed(b"first li")
    log.feed("ne\nsecond \u00e9".encode())
    log.feed(b"\xff\n")
    log.close()
    lines = (tmp_path / "part.log").read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["first line", "second \u00e9\ufffd"]
    assert all(line[:4].isdigit() and line.split(" ")[0].endswith("Z") for line in lines)


def test_a_talkative_part_cannot_fill_the_disk(tmp_path):
    log = LogFile(tmp_path / "part.log")
    for _ in range(8 * MAX_BYTES // LONGEST_LINE_BYTES):
        log.feed(b"x" * LONGEST_LINE_BYTES + b"\n")
    log.close()
    files = list(tmp_path.iterdir())
    assert len(files) == KEPT_FILES + 1
    assert sum(path.stat().st_size for path in files) <= (KEPT_FILES + 1) * MAX_BYTES


def test_a_line_without_an_end_is_cut(tmp_path):
    log = LogFile(tmp_path / "part.log")
    for _ in range(10):
        log.feed(b"x" * LONGEST_LINE_BYTES)
    log.close()
    assert len((tmp_path / "part.log").read_text().splitlines()) == 5


def test_tail_gives_the_newest_lines(tmp_path):
    (tmp_path / "part.log").write_text("".join(f"line {number}\n" for number in range(1000)))
    assert tail(tmp_path / "part.log", 2) == ["line 998", "line 999"]
    assert tail(tmp_path / "none.log", 2) == []


def test_follow_yields_what_comes_after_it_began(tmp_path):
    path = tmp_path / "part.log"
    path.write_text("an old line that is longer than the new one\n")
    rotate = threading.Timer(1.0, path.write_text, ("new\n",))
    rotate.start()
    assert next(follow({"part": path})) == ("part", "new")
