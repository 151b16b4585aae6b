"""What Git says about a notebook, with a real repository."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from windlass.bundle import git_state as module

from .conftest import Project

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="There is no git on this machine.")


@pytest.fixture
def repository(project: Project) -> Project:
    project.notebook("nb/train.ipynb", "1")
    project.write("model.py", "x = 1\n")
    project.git("init")
    project.git("add", ".")
    project.git("commit", "-m", "first")
    return project


def test_commit_and_branch_of_a_clean_tree(repository: Project) -> None:
    state = repository.plan("nb/train.ipynb").git
    assert state is not None
    head = subprocess.run(["git", "-C", str(repository.root), "rev-parse", "HEAD"], capture_output=True, text=True)
    assert (state.commit, state.branch, state.dirty) == (head.stdout.strip(), "main", False)
    assert repository.plan("nb/train.ipynb").git_diff() is None


def test_a_changed_file_makes_it_dirty_and_the_diff_shows_it_masked(repository: Project) -> None:
    token = "ghp_" + "aB3dE" * 8
    repository.write("model.py", f"x = 2\ntoken = '{token}'\n")
    repository.write("untracked.py")
    plan = repository.plan("nb/train.ipynb")
    assert plan.git is not None
    assert plan.git.dirty is True
    diff = plan.git_diff()
    assert diff is not None
    assert "+x = 2" in diff.text
    assert token not in diff.text
    assert not diff.truncated


def test_untracked_files_alone_do_not_make_it_dirty(repository: Project) -> None:
    repository.write("untracked.py")
    state = repository.plan("nb/train.ipynb").git
    assert state is not None
    assert state.dirty is False


def test_a_detached_head_and_a_repository_without_commit(repository: Project, tmp_path: Path) -> None:
    repository.git("checkout", "--detach")
    state = module.git_state(repository.root)
    assert state is not None
    assert (state.branch, bool(state.commit)) == (None, True)
    empty = Project(tmp_path / "empty")
    empty.write("a")
    empty.git("init")
    state = module.git_state(empty.root)
    assert state is not None
    assert (state.commit, state.branch) == (None, "main")


def test_a_long_diff_is_cut(repository: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DIFF_BYTES", 10_000)
    repository.write("model.py", "line\n" * 100_000)
    diff = module.git_diff(repository.root)
    assert diff is not None
    assert diff.truncated
    assert len(diff.text) <= 10_000


def test_no_repository_and_no_git_mean_unknown(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.notebook("train.ipynb", "1")
    assert project.plan().git is None
    project.git("init")
    monkeypatch.setenv("PATH", str(project.root))
    assert project.plan().git is None
    assert module.git_diff(project.root) is None


def test_programs_that_the_repository_configures_are_not_started(repository: Project, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "core.pager", "core.editor"):
        repository.git("config", key, str(trap))
    repository.write("model.py", "x = 3\n")
    (repository.root / ".gitattributes").write_text("*.py diff=evil\n")
    repository.git("config", "diff.evil.textconv", str(trap))
    repository.git("config", "diff.evil.command", str(trap))
    assert module.git_state(repository.root) is not None
    assert module.git_diff(repository.root) is not None
    assert not (tmp_path / "sprung").exists()
