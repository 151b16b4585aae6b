"""What goes into a rank's log."""

from __future__ import annotations

import os
import threading

import pytest

from windlass.runner.rank_log import RankLog
from windlass.runner.streams import Sink


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sink(tmp_path, clock):
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    yield lambda prefix="": Sink("stdout", RankLog(fd, prefix=prefix, clock=clock), None)
    os.close(fd)


def read(tmp_path):
    return (tmp_path / "log").read_bytes()


def test_plain_bytes_go_through_as_written(sink, tmp_path):
    stream = sink()
    for piece in (b"a\nb", "ü".encode()[:1], "ü".encode()[1:], b"\xff\n"):
        stream.write(piece)
    assert read(tmp_path) == "a\nbü".encode() + b"\xff\n"


def test_a_rewritten_line_goes_in_once_a_second_and_at_last(sink, tmp_path, clock):
    stream = sink()
    for step in range(1000):
        stream.write(f"\r{step}/999".encode())
        clock.now += 1 / 256
    stream.write(b"\n")
    stream.settle()
    assert read(tmp_path).decode().splitlines() == ["0/999", "256/999", "512/999", "768/999", "999/999"]


def test_the_last_state_is_written_without_a_line_end(sink, tmp_path):
    stream = sink()
    stream.write(b"\r1%")
    stream.write(b"\r2%")
    stream.settle()
    assert read(tmp_path) == b"1%\n2%\n"


def test_a_tick_shows_a_bar_that_stands_still(sink, tmp_path, clock):
    stream = sink()
    stream.write(b"\r1%")
    stream.write(b"\r2%")
    clock.now += 1
    stream.tick()
    assert read(tmp_path) == b"1%\n2%\n"


def test_windows_line_ends_are_line_ends(sink, tmp_path):
    stream = sink()
    stream.write(b"a\r")
    stream.write(b"\nb\r\n")
    assert read(tmp_path) == b"a\nb\n"


def test_every_line_gets_its_rank_and_stays_whole(sink, tmp_path):
    stream = sink("[rank 3] ")
    stream.write(b"a\nb")
    assert read(tmp_path) == b"[rank 3] a\n"
    stream.write(b"c\n\n")
    stream.write(b"\r1%\r2%\n")
    assert read(tmp_path) == b"[rank 3] a\n[rank 3] bc\n[rank 3] \n[rank 3] 2%\n"


def test_a_full_disk_loses_output_and_nothing_else():
    fd = os.open("/dev/full", os.O_WRONLY)
    Sink("stdout", RankLog(fd), None).write(b"lost\n")
    os.close(fd)


def test_a_pipe_that_is_full_for_a_moment_loses_nothing():
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    log = RankLog(write_end)
    sent = os.urandom(300_000)
    writer = threading.Thread(target=lambda: (log.write(sent), os.close(write_end)))
    writer.start()
    with os.fdopen(read_end, "rb") as source:
        assert source.read() == sent
    writer.join()
