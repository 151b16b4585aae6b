"""Include patterns, ignore rules and caps: what goes, what does not, and why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from windlass.bundle import include, selection
from windlass.errors import BundleRefused, InvalidRequest

from .conftest import Project, reasons


@pytest.fixture
def tree(project: Project) -> Project:
    """A notebook in a folder, data beside and above it, and what never goes."""
    project.notebook("nb/train.ipynb", "1")
    for path in (
        "data/a.csv",
        "data/b.txt",
        "data/deep/c.csv",
        "data/.hidden.csv",
        "nb/local.csv",
        "top.csv",
        ".git/config",
        "data/__pycache__/x.pyc",
        "data/.ipynb_checkpoints/y.csv",
        "data/node_modules/z.csv",
        ".ssh/id_rsa",
        ".env",
    ):
        project.write(path, "x")
    return project


def sent(project: Project, *patterns: str, **more: object) -> set[str]:
    return set(reasons(project.plan("nb/train.ipynb", include=patterns, **more))) - {"nb/train.ipynb"}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("data/*.csv", {"data/a.csv"}),
        ("data/**/*.csv", {"data/a.csv", "data/deep/c.csv"}),
        ("**/*.csv", {"data/a.csv", "data/deep/c.csv", "nb/local.csv", "top.csv"}),
        ("data", {"data/a.csv", "data/b.txt", "data/deep/c.csv"}),
        ("./data/", {"data/a.csv", "data/b.txt", "data/deep/c.csv"}),
        ("data/**", {"data/a.csv", "data/b.txt", "data/deep/c.csv"}),
        ("data/?.[ct]*", {"data/a.csv", "data/b.txt"}),
        ("data/.*.csv", {"data/.hidden.csv"}),
        ("data/.hidden.csv", {"data/.hidden.csv"}),
        ("nb/../top.csv", {"top.csv"}),
        ("*", {"top.csv"}),
        ("nothing*", set()),
        ("  ", set()),
    ],
)
def test_patterns_are_relative_to_the_root(tree: Project, pattern: str, expected: set[str]) -> None:
    assert sent(tree, pattern) == expected


def test_what_holds_credentials_or_is_made_by_tools_never_goes(tree: Project) -> None:
    assert sent(tree, ".ssh/**", ".git/**", "data/__pycache__/**", "data/.ipynb_checkpoints") == set()
    assert sent(tree, ".ssh/id_rsa") == set()
    left_out = {file.path: file.reason for file in tree.plan("nb/train.ipynb", include=(".ssh/id_rsa",)).left_out}
    assert left_out[".ssh/id_rsa"] == "never sent: a folder of credentials"


def test_an_env_file_goes_only_by_name_and_then_as_an_error(tree: Project) -> None:
    assert ".env" not in sent(tree, "*", "**")
    plan = tree.plan("nb/train.ipynb", include=(".env",))
    assert reasons(plan)[".env"] == "named by include"
    assert [(f.rule, f.severity.value, f.path) for f in plan.findings if f.rule == "secret"] == [
        ("secret", "error", ".env")
    ]


def test_reasons_name_the_pattern_and_a_pattern_without_match_is_said(tree: Project) -> None:
    plan = tree.plan("nb/train.ipynb", include=("data/*.csv", "nothing*"))
    assert reasons(plan)["data/a.csv"] == "matches include data/*.csv"
    assert any("'nothing*' matches no" in notice for notice in plan.notices)


@pytest.mark.parametrize(
    "pattern", ["../x", "/etc/passwd", "data/../../x", "missing.csv", "missing/*.csv", "out/*", "out", "a\0b"]
)
def test_a_pattern_that_leads_nowhere_or_out_is_refused_at_its_field(tree: Project, pattern: str) -> None:
    (tree.root.parent / "elsewhere").mkdir()
    (tree.root / "out").symlink_to("../elsewhere")
    with pytest.raises(InvalidRequest) as refused:
        sent(tree, pattern)
    assert refused.value.fields[0].field == "include"


def test_links_inside_a_matched_folder_do_not_leave_the_root(tree: Project) -> None:
    (tree.root.parent / "secret.csv").write_text("s")
    (tree.root / "data/leaving.csv").symlink_to(tree.root.parent / "secret.csv")
    (tree.root / "data/loop").symlink_to(".")
    (tree.root / "data/gone.csv").symlink_to("nowhere.csv")
    plan = tree.plan("nb/train.ipynb", include=("data",))
    assert set(reasons(plan)) == {"nb/train.ipynb", "data/a.csv", "data/b.txt", "data/deep/c.csv"}
    left_out = {file.path: file.reason for file in plan.left_out}
    assert left_out["data/leaving.csv"] == "a link that leads out of the server's root folder"
    assert left_out["data/loop"] == "a link to a folder; links to folders are not followed"
    assert left_out["data/gone.csv"].startswith("cannot be read")


def test_ignore_files_of_the_root_and_of_the_notebooks_folder_count(tree: Project) -> None:
    tree.write(".windlassignore", "*.csv\n!top.csv\n")
    tree.write("nb/.windlassignore", "\n# mine\n!local.csv\nother.txt\n")
    tree.write("nb/other.txt")
    tree.write("other.txt")
    assert sent(tree, "**") == {"top.csv", "nb/local.csv", "data/b.txt", "other.txt"}
    left_out = {file.path: file.reason for file in tree.plan("nb/train.ipynb", include=("data", "nb")).left_out}
    assert left_out["data/a.csv"] == "ignored by .windlassignore, line 1: *.csv"
    assert left_out["nb/other.txt"] == "ignored by nb/.windlassignore, line 4: other.txt"


def test_nothing_below_an_ignored_folder_is_brought_back(tree: Project) -> None:
    tree.write(".windlassignore", "data/\n!data/a.csv\n")
    assert sent(tree, "data/*.csv", "data/a.csv") == set()


def test_exclude_patterns_are_gitignore_patterns(tree: Project) -> None:
    assert sent(tree, "**/*.csv", exclude=("data/deep", "top.csv")) == {"data/a.csv", "nb/local.csv"}
    with pytest.raises(InvalidRequest) as refused:
        sent(tree, exclude=("!",))
    assert refused.value.fields[0].field == "exclude"


def test_an_odd_ignore_file_does_no_harm(tree: Project) -> None:
    tree.write(".windlassignore", b"!\n\xff\xfe\n*.csv\n")
    assert sent(tree, "**/*.csv") == set()


def test_what_lies_beside_the_notebook_and_stays_is_listed(tree: Project) -> None:
    tree.write("nb/sub/x.py")
    left_out = {file.path: file for file in tree.plan("nb/train.ipynb").left_out}
    assert left_out["nb/local.csv"].reason == "nothing imports it, and no include names it"
    assert left_out["nb/local.csv"].size_bytes == 1
    assert left_out["nb/sub"].reason.startswith("nothing imports from it")


def test_a_folder_with_very_many_files_is_neither_walked_nor_listed_whole(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "MAX_NEIGHBOURS", 5)
    monkeypatch.setattr(include, "MAX_ENTRIES_LOOKED_AT", 20)
    project.notebook("train.ipynb", "1")
    for index in range(30):
        project.write(f"f{index:02}.txt")
    plan = project.plan()
    assert len(plan.left_out) == 5
    assert any("More lies beside" in notice for notice in plan.notices)
    with pytest.raises(InvalidRequest, match="looks at more than 20 files"):
        project.plan(include=("**",))


def test_the_cap_names_the_largest(project: Project) -> None:
    project.notebook("train.ipynb", "1")
    project.write("big.bin", b"x" * 90_000)
    project.write("bigger.bin", b"x" * 95_000)
    project.write("small.bin", b"x")
    with pytest.raises(BundleRefused) as refused:
        project.plan(include=("*.bin",), max_bytes=100_000)
    assert "185 kB, and at most 100 kB" in str(refused.value)
    assert "bigger.bin (95.0 kB), big.bin (90.0 kB)" in str(refused.value)
    assert refused.value.extra["max_bytes"] == 100_000


def test_one_huge_file_of_a_pattern_is_left_out_and_flagged(project: Project) -> None:
    project.notebook("train.ipynb", "1")
    project.write("small.bin", b"x")
    with (project.root / "huge.bin").open("wb") as huge:
        huge.truncate(10**12)
    plan = project.plan(include=("*.bin",))
    assert set(reasons(plan)) == {"train.ipynb", "small.bin"}
    assert [finding.path for finding in plan.findings if finding.rule == "too-large"] == ["huge.bin"]
    with pytest.raises(BundleRefused, match=r"huge\.bin"):
        project.plan(include=("huge.bin",))


ODD_NAMES = [
    "a b.txt",
    "quo'te\".txt",
    "new\nline.txt",
    "ünï–code 中.txt",
    "-rf.txt",
    "$(rm -rf x);`id`.txt",
    "[x]*.txt",
    "x" * 200,
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_matched_literally(project: Project, name: str) -> None:
    project.notebook(f"{name}.ipynb", "1")
    project.write(f"dir/{name}", "content")
    assert set(reasons(project.plan(f"{name}.ipynb", include=(f"dir/{name}",)))) == {f"{name}.ipynb", f"dir/{name}"}


def test_a_name_that_is_no_utf8_is_left_out_with_its_reason(project: Project) -> None:
    project.notebook("train.ipynb", "1")
    Path(os.fsdecode(os.fsencode(project.root / "dir"))).mkdir()
    (project.root / "dir" / os.fsdecode(b"b\xffd.txt")).write_text("x")
    plan = project.plan(include=("dir",))
    assert set(reasons(plan)) == {"train.ipynb"}
    assert [file.reason for file in plan.left_out if "b\\" in file.path] == [
        "its name is not valid UTF-8; rename it to send it"
    ]
    plan.left_out[0].model_dump_json()
