"""No text names a file outside the root folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from windlass.errors import InvalidRequest, NotFound
from windlass.services.paths import RootFolder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("paths")
    (base / "outside").mkdir()
    (base / "outside" / "a.ipynb").write_text("{}")
    root = base / "root"
    (root / "folder" / ".hidden").mkdir(parents=True)
    for name in ("a.ipynb", "folder/b.ipynb", "folder/.hidden/c.ipynb", ".d.ipynb", "odd $(x) \n'.ipynb"):
        (root / name).write_text("{}")
    (root / "out").symlink_to("../outside")
    (root / "in").symlink_to("folder")
    (root / "to-hidden.ipynb").symlink_to("folder/.hidden/c.ipynb")
    return root


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(
        st.sampled_from(["..", ".", "", "a.ipynb", "folder", "out", "in", ".hidden", "b.ipynb", "~", "/", "\\"])
        | st.text(max_size=5),
        max_size=6,
    )
)
def test_whatever_is_asked_the_answer_lies_inside(root: Path, parts: list[str]) -> None:
    try:
        found = RootFolder(root=root, allow_hidden=True).notebook("/".join(parts))
    except (InvalidRequest, NotFound):
        return
    assert (root / found).resolve().is_relative_to(root.resolve())
    assert not Path(found).is_absolute()


@pytest.mark.parametrize("path", ["a.ipynb", "folder/b.ipynb", "in/b.ipynb", "./a.ipynb", "odd $(x) \n'.ipynb"])
def test_what_is_inside_is_found(root: Path, path: str) -> None:
    assert (root / RootFolder(root=root, allow_hidden=False).notebook(path)).is_file()


@pytest.mark.parametrize("path", [".d.ipynb", "folder/.hidden/c.ipynb", "to-hidden.ipynb"])
def test_hidden_files_are_found_only_where_the_server_shows_them(root: Path, path: str) -> None:
    with pytest.raises(NotFound):
        RootFolder(root=root, allow_hidden=False).notebook(path)
    RootFolder(root=root, allow_hidden=True).notebook(path)


def test_a_root_that_is_a_link_itself_is_fine(root: Path) -> None:
    link = root.parent / "link-to-root"
    link.symlink_to(root)
    assert RootFolder(root=link, allow_hidden=False).notebook("a.ipynb") == "a.ipynb"
