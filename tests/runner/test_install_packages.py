"""Packages an image lacks are installed beside it by real pip and uv, and what the image has stays in force."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
import venv
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from .job import RUNNER


def wheel(folder: Path, name: str, version: str, *, requires: tuple[str, ...] = ()) -> None:
    """A package with one module of its own name that says its version."""
    info = f"{name}-{version}.dist-info"
    (folder / name.replace("_", "-")).mkdir(exist_ok=True)
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": "".join(
            [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", *(f"Requires-Dist: {r}\n" for r in requires)]
        ),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / name.replace("_", "-") / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a package index: two versions of what the image has, and something that needs it."""
    folder = tmp_path_factory.mktemp("index")
    for version in ("1.0", "2.0"):
        wheel(folder, "wl_base", version)
    wheel(folder, "wl_extra", "0.5", requires=("wl-base", "wl-other"))
    wheel(folder, "wl_other", "3.1")
    wheel(folder, "wl_greedy", "1.0", requires=("wl-base>=2",))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class Image:
    """An environment as an image has it, with wl-base 1.0, with pip or without."""

    def __init__(self, folder: Path, index: str, *, pip: bool) -> None:
        self.python = folder / "image" / "bin" / "python"
        self.packages = folder / "windlass" / "packages"
        self._folder, self._index = folder, index
        venv.create(folder / "image", with_pip=False, symlinks=True)
        site = next((folder / "image" / "lib").glob("python*")) / "site-packages"
        (site / "wl_base.py").write_text("VERSION = '1.0'\n")
        (site / "wl_base-1.0.dist-info").mkdir()
        (site / "wl_base-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: wl_base\nVersion: 1.0\n")
        if pip:
            (site / "pip.pth").write_text(str(self._only_pip()))

    def _only_pip(self) -> Path:
        """pip of these tests' environment, and nothing else of it."""
        import pip

        folder = self._folder / "pip"
        folder.mkdir()
        (folder / "pip").symlink_to(Path(pip.__file__).parent)
        return folder

    def install(self, *lines: str, **variables: str) -> subprocess.CompletedProcess[str]:
        requirements = self._folder / "requirements.txt"
        requirements.write_text("".join(f"{line}\n" for line in lines))
        index = {"PIP_INDEX_URL": self._index, "PIP_CONFIG_FILE": os.devnull}
        index |= {"UV_DEFAULT_INDEX": self._index, "UV_NO_CONFIG": "1", "UV_NO_CACHE": "1"}
        own = {"WINDLASS_REQUIREMENTS": str(requirements), "WINDLASS_PACKAGES": str(self.packages)}
        return self._run([str(self.python), str(RUNNER / "install_packages.py")], {**index, **own, **variables})

    def version(self, module: str) -> str:
        """As a rank finds it."""
        code = f"import {module}; print({module}.VERSION)"
        return self._run([str(self.python), "-c", code], {"PYTHONPATH": str(self.packages)}).stdout.strip()

    def _run(self, command: list[str], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": variables.get("PATH", os.environ["PATH"]), "HOME": str(self._folder), **variables}
        return subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False
        )


@pytest.fixture(params=["pip", "uv"])
def image(request: pytest.FixtureRequest, tmp_path: Path, index: str) -> Image:
    if request.param == "uv" and shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    return Image(tmp_path, index, pip=request.param == "pip")


def test_what_is_lacking_is_installed_with_what_it_needs_and_the_image_keeps_its_own(image: Image) -> None:
    done = image.install("wl-extra==0.5", "wl_base==2.0")
    assert done.returncode == 0, done.stderr
    assert "wl-extra==0.5" in done.stdout
    assert image.version("wl_extra") == "0.5"
    assert image.version("wl_other") == "3.1"
    assert image.version("wl_base") == "1.0"
    assert not list(image.packages.glob("wl_base*"))
    assert not list(image.packages.parent.glob(".packages*"))


def test_an_image_whose_pip_installs_for_the_user_installs_into_the_folder_all_the_same(
    tmp_path: Path, index: str
) -> None:
    image = Image(tmp_path, index, pip=True)
    done = image.install("wl-other", PIP_USER="1")
    assert done.returncode == 0, done.stderr
    assert (image.packages / "wl_other.py").is_file()


def test_an_image_that_has_everything_is_asked_for_nothing(image: Image) -> None:
    done = image.install("WL.Base")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(image.packages.iterdir()) == []


@pytest.mark.parametrize("line", ["wl-unknown==1.0", "wl-greedy==1.0"])
def test_what_cannot_be_had_or_does_not_fit_the_image_ends_with_a_sentence_and_leaves_nothing(
    image: Image, line: str
) -> None:
    done = image.install(line)
    assert done.returncode == 1
    assert "could not be installed" in done.stderr.splitlines()[-2] + done.stderr.splitlines()[-1]
    assert not image.packages.exists()


def test_a_container_that_starts_again_keeps_what_is_installed(image: Image) -> None:
    image.packages.mkdir(parents=True)
    assert image.install("wl-unknown==1.0").returncode == 0


def test_an_image_without_pip_and_uv_says_what_is_missing(tmp_path: Path, index: str) -> None:
    done = Image(tmp_path, index, pip=False).install("wl-extra", PATH="/nowhere")
    assert done.returncode == 1
    assert "wl-extra" in done.stderr
    assert "neither pip nor uv" in done.stderr


def test_outside_of_a_pod_it_says_what_it_is_for() -> None:
    done = subprocess.run(
        [sys.executable, str(RUNNER / "install_packages.py")], env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "WINDLASS_REQUIREMENTS" in done.stderr
