"""Credentials by user and group: who gets which, and what no file or name can do."""

from __future__ import annotations

import re
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.kube.user_secret import SECRET_NAME, VARIABLES, environment
from windlass_hub.isolation.credentials import CredentialsError, CredentialSource, file_name
from windlass_hub.profiles.access import Person

ADA = Person(name="ada", groups=frozenset({"vision", "research"}))
HOSTILE = ("..", "../../etc/passwd", "/etc/passwd", "a/b", "a\\b", "\x00", "x\n", ".", "%2e%2e", "~root", "con:", "愛/")


def test_nearer_files_win(tmp_path: Path) -> None:
    (tmp_path / "everyone.yaml").write_text("HF_TOKEN: all\nPIP_INDEX_URL: index\nUV_INDEX: uv\n")
    (tmp_path / "group.research.yaml").write_text("HF_TOKEN: research\nUV_INDEX: research\n")
    (tmp_path / "group.vision.yaml").write_text("UV_INDEX: vision\n")
    (tmp_path / "user.ada.yaml").write_text("HF_TOKEN: hers\n")
    source = CredentialSource(str(tmp_path))
    assert source.read(ADA) == {"HF_TOKEN": "hers", "PIP_INDEX_URL": "index", "UV_INDEX": "vision"}
    assert source.read(Person(name="bob")) == {"HF_TOKEN": "all", "PIP_INDEX_URL": "index", "UV_INDEX": "uv"}


def test_without_a_folder_nobody_has_any() -> None:
    assert CredentialSource("").read(ADA) == {}


def test_a_folder_that_is_named_and_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="not there"):
        CredentialSource(str(tmp_path / "no")).read(ADA)


def test_a_mounted_secret_is_read_through_its_links(tmp_path: Path) -> None:
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "user.ada.yaml").write_text("HF_TOKEN: x\n")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "user.ada.yaml").symlink_to("..data/user.ada.yaml")
    assert CredentialSource(str(tmp_path)).read(ADA) == {"HF_TOKEN": "x"}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["user", "group"])
def test_no_name_reaches_outside_the_folder(kind: str, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    for outside in (tmp_path / "outside.yaml", tmp_path / "passwd.yaml", tmp_path / "b.yaml"):
        outside.write_text("HF_TOKEN: stolen\n")
    person = Person(name=name) if kind == "user" else Person(name="x", groups=frozenset({name}))
    assert CredentialSource(str(folder)).read(person) == {}
    assert (folder / file_name(kind, name)).resolve().parent == folder.resolve()


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=300))
def test_every_name_has_a_file_of_its_own_that_a_secret_can_hold(one: str, two: str) -> None:
    names = {file_name(kind, name) for kind in ("user", "group") for name in (one, two)}
    assert len(names) == 2 * len({one, two})
    for name in names:
        assert re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", name)
        assert not name.startswith(".")


def test_the_command_tells_a_files_name() -> None:
    command = [sys.executable, "-m", "windlass_hub.isolation.credentials"]
    told = subprocess.run([*command, "user", "ada@x.org"], capture_output=True, text=True, check=True)
    assert told.stdout == "user.ada_40x.org.yaml\n"
    assert subprocess.run([*command, "nobody"], capture_output=True).returncode == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("HF_TOKEN: {s3cret", "no YAML"),
        ("HF_TOKEN: 's3cret", "no YAML"),
        ("HF_TOKEN: \x07s3cret", "no YAML"),
        ("- s3cret", "must map"),
        ("s3cret", "must map"),
        ("HF_TOKEN: [s3cret]", "must be text"),
        ("HF_TOKEN: 5", "must be text"),
        ("HF_TOKEN: ''", "must be text"),
        ("HF_TOKEN: 's3cret\n\n  more'", "line breaks"),
        ("HF_TOKEN: " + "s3cret" * 2000, "too long"),
        ("s3cret: x", "unknown variable"),
        ("LD_PRELOAD: s3cret", "unknown variable"),
        ("? [s3cret]\n: x", "no YAML"),
        ("x: '" + "s3cret" * 20_000 + "'", "larger"),
        ("HF_TOKEN: !!python/object/apply:os.system [s3cret]", "no YAML"),
        (b"\xff\xfe\x00s3cret", "no YAML"),
    ],
)
def test_a_file_that_is_wrong_is_named_and_its_values_are_not(tmp_path: Path, content: str | bytes, why: str) -> None:
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "user.ada.yaml").write_bytes(data)
    with pytest.raises(CredentialsError, match=why) as told:
        CredentialSource(str(tmp_path)).read(ADA)
    assert "user.ada.yaml" in str(told.value)
    assert "s3cret" not in "".join(traceback.format_exception(told.value))


def test_a_folder_in_the_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "user.ada.yaml").mkdir()
    with pytest.raises(CredentialsError, match="cannot be read"):
        CredentialSource(str(tmp_path)).read(ADA)


def test_pods_name_variables_by_reference_only() -> None:
    entries = environment("HF_TOKEN", "MLFLOW_TRACKING_TOKEN")
    assert [entry["name"] for entry in entries] == ["HF_TOKEN", "MLFLOW_TRACKING_TOKEN"]
    reference = {"name": SECRET_NAME, "key": "HF_TOKEN", "optional": True}
    assert entries[0] == {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": reference}}
    assert len(environment()) == len(VARIABLES)
    with pytest.raises(KeyError, match="LD_PRELOAD"):
        environment("LD_PRELOAD")
