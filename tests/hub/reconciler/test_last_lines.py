"""What is kept of a log: readable text without secrets, in bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.reconciler.last_lines import LARGEST_BYTES, readable

SECRET = "hf_" + "aB3dE5gH7j" * 4


def test_reports_between_the_lines_are_left_out() -> None:
    log = b'epoch 1\n\x1ewindlass {"k":"status","v":{}}\nlo\x1e\nss 3\n'
    assert readable(log).splitlines() == ["epoch 1", "loss 3"]


def test_secrets_are_covered_and_the_rest_is_not() -> None:
    text = readable(f"epoch 1\ntoken {SECRET}\nhttps://ada:Pa55w0rdXy@example.org/x\n".encode())
    assert "epoch 1" in text
    assert SECRET not in text
    assert "Pa55w0rdXy" not in text


def test_a_private_key_is_covered_with_all_its_lines() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nAAAAB3NzaC1yc2E\n-----END OPENSSH PRIVATE KEY-----"
    text = readable(f"epoch 1\n{key}\nepoch 2\n".encode())
    assert "b3Blb" not in text
    assert "AAAAB3" not in text
    assert (text.splitlines()[0], text.splitlines()[-1]) == ("epoch 1", "epoch 2")
    assert "b3Blb" not in readable(key.partition("AAAA")[0].encode())


def test_of_a_long_log_the_end_is_kept_without_a_half_line() -> None:
    log = b"half a secret\n" + b"".join(b"line %d\n" % number for number in range(20_000))
    text = readable(log, cut=True)
    assert text.endswith("line 19999")
    assert all(line.startswith("line ") for line in text.splitlines())
    assert len(text.encode()) <= LARGEST_BYTES


@given(st.binary(max_size=2000), st.booleans())
def test_whatever_a_container_prints_is_text_in_bounds(log: bytes, cut: bool) -> None:
    text = readable(log, cut=cut)
    assert len(text.encode()) <= LARGEST_BYTES
    assert "\x1ewindlass {" not in text
