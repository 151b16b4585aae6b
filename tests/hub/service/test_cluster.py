"""What of the cluster's certificates the service hands on to users' servers."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from windlass_hub.service.cluster import certificates_in

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\nAAA=\n-----END CERTIFICATE-----"
KEY = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"


def test_certificates_are_passed_on_without_remarks_and_never_with_a_key(tmp_path: Path) -> None:
    path = tmp_path / "ca.crt"
    path.write_bytes(f"# Stadt Köln\n{CERTIFICATE}\n{KEY}\r\n{CERTIFICATE}\n".encode("latin-1"))
    assert certificates_in(str(path)) == f"{CERTIFICATE}\n{CERTIFICATE}\n"


@pytest.mark.parametrize("content", [None, b"", KEY.encode(), b"\xff\xfe\x00"])
def test_without_certificates_it_is_said_and_the_systems_hold(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    path = tmp_path / "ca.crt"
    if content is not None:
        path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert certificates_in(str(path)) is None
    assert str(path) in caplog.text
    assert "c2VjcmV0" not in caplog.text


def test_where_none_are_named_the_systems_hold() -> None:
    assert certificates_in(None) is None
