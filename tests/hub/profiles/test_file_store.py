from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass_hub.profiles.factory import open_store
from windlass_hub.profiles.file_store import FileStore
from windlass_hub.profiles.history import BY_HAND, FOUND
from windlass_hub.profiles.model import CatalogueError, load_catalogue
from windlass_hub.profiles.store import NOTHING, Missing, ReadOnly, SaveConflict, StoreError, Unreadable

ONE = "# ours\nversion: 1\nprofiles:\n- {slug: cpu, display_name: CPU, cpu: '2', memory: 4G}\n"


def catalogue(**changes: Any):
    return load_catalogue(
        {"profiles": [{"slug": "cpu", "display_name": "CPU only", "cpu": "2", "memory": "4G", **changes}]}
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "profiles.yaml"
    path.write_text(ONE)
    return path


@pytest.fixture
def store(path: Path) -> FileStore:
    return FileStore(path, keep_versions=5)


async def test_what_was_saved_is_read_back_with_who_when_and_note(store: FileStore, path: Path) -> None:
    before = await store.load()
    saved = await store.save(catalogue(cpu="4"), revision=before.revision, by="ada", note="more cores")
    again = await FileStore(path, keep_versions=5).load()
    assert again == saved
    assert again.catalogue.profiles[0].cpu == "4"
    assert again.owner is None
    newest, found = await store.history()
    assert (newest.number, newest.saved_by, newest.note, newest.text) == (2, "ada", "more cores", saved.text)
    assert (found.number, found.saved_by, found.note, found.text) == (1, "", FOUND, ONE)
    assert newest.saved_at >= found.saved_at


async def test_unchanged_text_is_not_parsed_again(store: FileStore, path: Path) -> None:
    first = await store.load()
    os.utime(path, (time.time() - 60, time.time() - 60))
    second = await store.load()
    assert (await store.load()).catalogue is second.catalogue is first.catalogue


async def test_an_edit_by_hand_holds_at_once_even_within_one_tick_of_the_clock(store: FileStore, path: Path) -> None:
    await store.load()
    facts = path.stat()
    path.write_text(ONE.replace("'2'", "'3'"))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert (await store.load()).catalogue.profiles[0].cpu == "3"


async def test_a_save_from_an_older_revision_is_refused_with_what_is_kept_now(store: FileStore) -> None:
    before = await store.load()
    theirs = await store.save(catalogue(cpu="4"), revision=before.revision, by="ada")
    with pytest.raises(SaveConflict) as caught:
        await store.save(catalogue(cpu="8"), revision=before.revision, by="bob")
    assert caught.value.current == theirs
    assert (await store.load()) == theirs


def test_of_many_savers_at_once_exactly_one_wins(path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from windlass_hub.profiles.file_store import FileStore\n"
        "from windlass_hub.profiles.model import load_catalogue\n"
        "from windlass_hub.profiles.store import SaveConflict\n"
        "doc = {'profiles': [{'slug': 'cpu', 'display_name': sys.argv[2], 'cpu': '1', 'memory': '1G'}]}\n"
        "store = FileStore(sys.argv[1], keep_versions=5)\n"
        "sys.stdin.read()\n"
        "try:\n"
        "    asyncio.run(store.save(load_catalogue(doc), revision=sys.argv[3], by=sys.argv[2]))\n"
        "    print('saved')\n"
        "except SaveConflict:\n"
        "    print('conflict')\n"
    )
    revision = asyncio.run(FileStore(path, keep_versions=5).load()).revision
    savers = [
        subprocess.Popen(
            [sys.executable, "-c", program, path, f"saver {i}", revision],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(4)
    ]
    for saver in savers:
        saver.stdin.close()
    told = []
    for saver in savers:
        with saver, saver.stdout:
            told.append(saver.stdout.read().strip())
    assert sorted(told) == ["conflict", "conflict", "conflict", "saved"]
    winner = f"saver {told.index('saved')}"
    store = FileStore(path, keep_versions=5)
    assert asyncio.run(store.load()).catalogue.profiles[0].display_name == winner
    assert [version.saved_by for version in asyncio.run(store.history())] == [winner, ""]


def test_a_process_killed_while_it_saves_leaves_a_whole_file(path: Path) -> None:
    program = (
        "import asyncio, itertools, sys\n"
        "from windlass_hub.profiles.file_store import FileStore\n"
        "from windlass_hub.profiles.model import load_catalogue\n"
        "async def main():\n"
        "    store = FileStore(sys.argv[1], keep_versions=3)\n"
        "    for turn in itertools.count():\n"
        "        revision = (await store.load()).revision\n"
        "        one = {'display_name': f'turn {turn}', 'cpu': '1', 'memory': '1G'}\n"
        "        doc = [{'slug': f'p{i}', **one} for i in range(60)]\n"
        "        await store.save(load_catalogue({'profiles': doc}), revision=revision, by='x', note=str(turn))\n"
        "        print(turn, flush=True)\n"
        "asyncio.run(main())\n"
    )
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True) as saver:
            for _ in range(3):
                assert saver.stdout.readline().strip().isdigit()
            saver.send_signal(signal.SIGKILL)
        store = FileStore(path, keep_versions=3)
        snapshot = asyncio.run(store.load())
        assert len({profile.display_name for profile in snapshot.catalogue.profiles}) == 1
        history = asyncio.run(store.history())
        assert history[0].text == snapshot.text
        assert BY_HAND not in {version.note for version in history}
        assert [version.number for version in history] == sorted({v.number for v in history}, reverse=True)


async def test_a_save_cut_off_before_the_file_was_replaced_is_no_version(store: FileStore, path: Path) -> None:
    before = await store.load()
    await store.save(catalogue(cpu="4"), revision=before.revision, by="ada", note="held")
    held = path.read_text()
    history = path.with_name(f".{path.name}.history.json")
    await store.save(catalogue(cpu="8"), revision=(await store.load()).revision, by="bob", note="cut off")
    history.write_text(history.read_text().replace('"saving": null', '"saving": 3'))
    path.write_text(held)
    assert [version.note for version in await FileStore(path, keep_versions=5).history()] == ["held", FOUND]


async def test_a_hand_edit_between_saves_is_a_version_of_its_own(store: FileStore, path: Path) -> None:
    saved = await store.save(catalogue(cpu="4"), revision=(await store.load()).revision, by="ada")
    edited = saved.text.replace("CPU only", "CPU by hand")
    path.write_text(edited)
    await store.save(catalogue(cpu="8"), revision=(await store.load()).revision, by="bob")
    versions = await store.history()
    assert [(v.number, v.saved_by, v.note) for v in versions] == [
        (4, "bob", ""),
        (3, "", BY_HAND),
        (2, "ada", ""),
        (1, "", FOUND),
    ]
    assert versions[1].text == edited


async def test_only_the_last_versions_are_kept(path: Path) -> None:
    store = FileStore(path, keep_versions=3)
    for turn in range(6):
        await store.save(catalogue(cpu=str(turn + 1)), revision=(await store.load()).revision, by="ada", note=str(turn))
    assert [version.note for version in await store.history()] == ["5", "4", "3"]


async def test_an_import_keeps_its_comments(store: FileStore) -> None:
    text = "# why there is so little\n" + ONE
    saved = await store.save(
        load_catalogue(text), revision=(await store.load()).revision, by="ada", note="import", text=text
    )
    assert saved.text == text
    with pytest.raises(ValueError, match="does not read as"):
        await store.save(catalogue(), revision=saved.revision, by="ada", text=text)


async def test_saving_what_is_there_already_makes_no_version(store: FileStore) -> None:
    saved = await store.save(catalogue(), revision=(await store.load()).revision, by="ada")
    assert await store.save(catalogue(), revision=saved.revision, by="bob") == saved
    assert [version.saved_by for version in await store.history()] == ["ada", ""]


async def test_the_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path, path: Path) -> None:
    path.chmod(0o640)
    link = tmp_path / "elsewhere" / "link.yaml"
    link.parent.mkdir()
    link.symlink_to(path)
    store = FileStore(link, keep_versions=5)
    await store.save(catalogue(), revision=(await store.load()).revision, by="ada")
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert (await FileStore(path, keep_versions=5).history())[0].saved_by == "ada"


async def test_a_read_only_file_says_so_and_refuses(store: FileStore, path: Path) -> None:
    path.chmod(0o444)
    snapshot = await store.load()
    assert snapshot.owner == "a read-only file"
    with pytest.raises(ReadOnly, match=r"profiles\.yaml: change them where"):
        await store.save(catalogue(), revision=snapshot.revision, by="ada")
    path.chmod(0o644)
    assert (await store.load()).owner is None


async def test_a_file_in_a_read_only_folder_says_so(store: FileStore, path: Path) -> None:
    path.parent.chmod(0o555)
    try:
        assert (await store.load()).owner == "a read-only folder"
    finally:
        path.parent.chmod(0o755)


async def test_a_configmap_mounted_as_files_is_not_ours_to_write(tmp_path: Path) -> None:
    version = tmp_path / "..2026_01_01"
    version.mkdir()
    (version / "profiles.yaml").write_text(ONE)
    (tmp_path / "..data").symlink_to(version.name)
    (tmp_path / "profiles.yaml").symlink_to("..data/profiles.yaml")
    assert (await FileStore(tmp_path / "profiles.yaml", keep_versions=5).load()).owner == "a mounted ConfigMap"


async def test_a_missing_file_says_how_to_make_one_and_a_save_makes_it(tmp_path: Path) -> None:
    store = open_store(f"file:{tmp_path / 'new.yaml'}", keep_versions=5)
    with pytest.raises(Missing, match=r"copy .*examples\.yaml there"):
        await store.load()
    with pytest.raises(Missing):
        await store.save(catalogue(), revision="something", by="ada")
    made = await store.save(catalogue(), revision=NOTHING, by="ada", note="first")
    assert (await store.load()) == made
    with pytest.raises(SaveConflict):
        await store.save(catalogue(cpu="8"), revision=NOTHING, by="bob")
    assert [version.note for version in await store.history()] == ["first"]


async def test_a_file_that_does_not_read_can_be_mended_by_a_save(store: FileStore, path: Path) -> None:
    await store.load()
    path.write_text("profiles: [{slug: '!'}]")
    with pytest.raises(Unreadable) as caught:
        await store.load()
    assert {problem.path for problem in caught.value.problems} >= {"profiles.0.slug", "profiles.0.cpu"}
    await store.save(catalogue(), revision=caught.value.revision, by="ada")
    assert [version.text for version in await store.history()][1] == "profiles: [{slug: '!'}]"


async def test_bytes_that_are_no_text_are_said_to_be_none(store: FileStore, path: Path) -> None:
    path.write_bytes(b"version: 1\n# \xff\xfe\n")
    with pytest.raises(CatalogueError, match="no UTF-8"):
        await store.load()


async def test_a_damaged_history_is_put_aside_and_hides_nothing(store: FileStore, path: Path) -> None:
    history = path.with_name(f".{path.name}.history.json")
    history.write_text('{"format": 1, "versions": [{"number"')
    assert [version.note for version in await store.history()] == [FOUND]
    await store.save(catalogue(), revision=(await store.load()).revision, by="ada")
    assert [version.saved_by for version in await store.history()] == ["ada", ""]
    (aside,) = path.parent.glob(f"{history.name}.broken-*")
    assert aside.read_text().startswith('{"format": 1')


async def test_a_folder_in_its_place_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read: is a directory"):
        await FileStore(tmp_path, keep_versions=5).load()


async def test_loads_at_once_see_one_document(store: FileStore) -> None:
    assert len({snapshot.revision for snapshot in await asyncio.gather(*(store.load() for _ in range(20)))}) == 1


@pytest.mark.parametrize("address", ["", "file:", "profiles.yaml", "configmap:only-a-name", "configmap:A/b", "s3:x/y"])
def test_an_address_that_names_no_store_is_refused_in_words(address: str) -> None:
    with pytest.raises(StoreError, match=r"write file:PATH or configmap:NAMESPACE/NAME"):
        open_store(address, keep_versions=5)


def test_a_configmap_without_a_cluster_is_refused_in_words() -> None:
    with pytest.raises(StoreError, match="needs a cluster"):
        open_store("configmap:hub/profiles", keep_versions=5)


_actions = st.lists(
    st.tuples(st.sampled_from(["save", "hand", "stale"]), st.text("ab é\U0001f642", min_size=1, max_size=3)),
    max_size=8,
)


@given(actions=_actions, keep=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_whatever_is_done_the_newest_version_is_in_force_and_numbers_only_grow(actions: Any, keep: int) -> None:
    async def play(folder: str) -> None:
        path = Path(folder) / "p.yaml"
        path.write_text(ONE)
        store, first, highest = FileStore(path, keep_versions=keep), None, 0
        first = (await store.load()).revision
        for number, (action, word) in enumerate(actions):
            name = f"{number} {word}!"
            if action == "hand":
                path.write_text(ONE.replace("CPU", name))
                continue
            before = await store.load()
            if action == "stale" and before.revision != first:
                with pytest.raises(SaveConflict):
                    await store.save(catalogue(display_name=name), revision=first, by=word)
                assert await store.load() == before
            else:
                await store.save(catalogue(display_name=name), revision=before.revision, by=word)
            versions = await store.history()
            assert versions[0].text == (await store.load()).text == path.read_text()
            numbers = [version.number for version in versions]
            assert numbers == sorted(set(numbers), reverse=True)
            assert numbers[0] >= highest
            assert len(versions) <= keep + 1
            highest = numbers[0]

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(folder))
