"""The admins' REST interface over real HTTP: reading, checking and writing the catalogue."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.hub.service.conftest import CATALOGUE, Service

from windlass_hub.profiles.file_store import FileStore
from windlass_hub.profiles.model import load_catalogue

ADDRESS = "api/admin/catalogue"
XSS = "<img src=x onerror=alert(1)>"


@pytest.fixture
def path(service: Service) -> Path:
    return Path(service.state.settings.profiles.removeprefix("file:"))


def edited(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    first, *rest = document["catalogue"]["profiles"]
    return {**document["catalogue"], "profiles": [{**first, **changes}, *rest]}


async def put(client: httpx.AsyncClient, revision: str, catalogue: Any, **more: Any) -> httpx.Response:
    return await client.put(ADDRESS, json={"catalogue": catalogue, **more}, headers={"If-Match": f'"{revision}"'})


async def audited(service: Service) -> list[tuple[str, str, str]]:
    await service.state.audit.settled()
    return [(entry.who, entry.action, entry.decision) for entry in await service.state.audit.latest()]


async def test_an_edit_is_kept_and_told_with_what_it_changed(service: Service, path: Path) -> None:
    async with service.client("writer") as client:
        got = await client.get(ADDRESS)
        document = got.json()
        assert got.headers["ETag"] == f'"{document["revision"]}"'
        assert document["owner"] is document["broken"] is document["stale"] is document["missing"] is None
        assert document["prices"] == {"cpu": pytest.approx(0.09863, abs=1e-4), "t4": pytest.approx(0.5845, abs=1e-3)}
        answer = await put(client, document["revision"], edited(document, cpu="4"), note="more\ncores")
        assert answer.status_code == 200, answer.text
        assert [change["sentence"] for change in answer.json()["changes"]] == ["CPU only: CPU 2 → 4"]
        assert answer.json()["revision"] != document["revision"]
    store = FileStore(path, keep_versions=5)
    assert (await store.load()).catalogue.profiles[0].cpu == "4"
    newest = (await store.history())[0]
    assert (newest.saved_by, newest.note) == ("writer", "more cores")
    assert ("writer", "catalogue.save", "allowed") in await audited(service)


async def test_a_write_must_say_what_it_was_made_from(service: Service) -> None:
    async with service.client("writer") as client:
        document = (await client.get(ADDRESS)).json()
        for headers in ({}, {"If-Match": "*"}):
            answer = await client.put(ADDRESS, json={"catalogue": document["catalogue"]}, headers=headers)
            assert answer.status_code == 428
            assert "If-Match" in answer.json()["detail"]


@pytest.mark.parametrize("note", ["\ud800", "a\0b", "a\u202eb", "x" * 501, 5, ["a"]])
async def test_a_note_that_is_no_line_of_text_is_refused_at_its_field(service: Service, note: Any) -> None:
    async with service.client("writer") as client:
        document = (await client.get(ADDRESS)).json()
        body = json.dumps({"catalogue": document["catalogue"], "note": note})
        answer = await client.put(ADDRESS, content=body, headers={"If-Match": f'"{document["revision"]}"'})
        assert (answer.status_code, answer.json()["fields"][0]["field"]) == (400, "note")
        assert (await client.get(ADDRESS)).json()["revision"] == document["revision"]


async def test_a_catalogue_of_endless_mistakes_is_refused_without_looking_at_each(service: Service) -> None:
    async with service.client("writer") as client:
        for catalogue in ({"profiles": [{"slug": "a"}] * 30_000}, {"x": [[]] * 60_000}):
            answer = await client.post(f"{ADDRESS}/validate", json={"catalogue": catalogue})
            assert [problem["message"] for problem in answer.json()["problems"]] == [
                "This is too much for one catalogue."
            ]


async def test_of_many_who_save_at_once_one_succeeds_and_each_other_is_told(service: Service, path: Path) -> None:
    async with service.client("writer") as client:
        document = (await client.get(ADDRESS)).json()
        saves = [put(client, document["revision"], edited(document, cpu=str(cores))) for cores in range(3, 11)]
        answers = await asyncio.gather(*saves)
    (saved,) = [answer.json() for answer in answers if answer.status_code == 200]
    others = [answer.json() for answer in answers if answer.status_code != 200]
    assert {other["status"] for other in others} == {412}
    assert {other["extra"]["revision"] for other in others} == {saved["revision"]}
    assert (await FileStore(path, keep_versions=5).load()).revision == saved["revision"]
    decisions = sorted(decision for _, action, decision in await audited(service) if action == "catalogue.save")
    assert decisions == ["allowed", "refused"], "repeated refusals are counted, not listed"


async def test_the_second_of_two_editors_is_told_what_changed_and_how_both_fit(service: Service) -> None:
    async with service.client("writer") as ada, service.client("robot") as bob:
        document = (await ada.get(ADDRESS)).json()
        revision = document["revision"]
        first = await put(bob, revision, edited(document, memory="8G", usd_per_hour=0.2), note="bigger")
        assert first.status_code == 200
        mine = edited(document, cpu="16", usd_per_hour=0.3)
        answer = await put(ada, revision, mine, base=document["catalogue"])
        assert answer.status_code == 412
        problem = answer.json()
        extra = problem["extra"]
        assert problem["type"] == "windlass:changed-since"
        assert extra["revision"] == first.json()["revision"]
        assert (extra["saved_by"], extra["note"]) == ("service:robot", "bigger")
        assert [change["sentence"] for change in extra["changes"]] == ["CPU only: memory 4G → 8G; price none → $0.20"]
        assert load_catalogue(extra["mine"]) == load_catalogue(mine)
        assert extra["current"]["profiles"][0]["memory"] == "8G"
        merged = extra["merged"]["profiles"][0]
        assert (merged["cpu"], merged["memory"], merged["usd_per_hour"]) == ("16", "8G", 0.3)
        assert extra["clashes"] == [{"path": ["profiles", "cpu", "usd_per_hour"], "mine": 0.3, "theirs": 0.2}]
        assert (await put(ada, extra["revision"], extra["merged"])).status_code == 200
        without_base = (await put(bob, revision, mine)).json()["extra"]
        assert without_base["merged"] is not None, "the history knows what revision the edit began from"
    assert ("writer", "catalogue.save", "refused") in await audited(service)


async def test_what_breaks_a_rule_is_refused_at_its_field_and_changes_nothing(service: Service, path: Path) -> None:
    async with service.client("writer") as client:
        document = (await client.get(ADDRESS)).json()
        answer = await put(client, document["revision"], edited(document, cpu="lots", colour="red"))
        assert answer.status_code == 422
        assert {field["field"] for field in answer.json()["fields"]} == {"profiles.0.cpu", "profiles.0.colour"}
        for wrong in (None, [], "x", {"profiles": 3}):
            assert (await put(client, document["revision"], wrong)).status_code == 422
        for body in ("[]", "no json", "1"):
            answer = await client.put(ADDRESS, content=body, headers={"If-Match": document["revision"]})
            assert answer.status_code == 400
        for note in (3, "x" * 501):
            assert (await put(client, document["revision"], document["catalogue"], note=note)).status_code == 400
    assert path.read_text() == CATALOGUE
    assert ("writer", "catalogue.save", "refused") in await audited(service)


async def test_checking_says_what_is_wrong_what_would_change_and_what_it_costs(service: Service, path: Path) -> None:
    async with service.client("reader") as client:
        document = (await client.get(ADDRESS)).json()
        good = await client.post(f"{ADDRESS}/validate", json={"catalogue": edited(document, usd_per_hour=1)})
        assert good.json()["problems"] == []
        assert [change["sentence"] for change in good.json()["changes"]] == ["CPU only: price none → $1.00"]
        assert good.json()["prices"]["cpu"] == 1
        bad = await client.post(f"{ADDRESS}/validate", json={"catalogue": edited(document, memory="4 cores")})
        assert bad.status_code == 200
        assert [problem["path"] for problem in bad.json()["problems"]] == ["profiles.0.memory"]
    assert path.read_text() == CATALOGUE


async def test_a_read_only_document_says_whose_it_is_and_refuses(service: Service, path: Path) -> None:
    path.chmod(0o444)
    async with service.client("writer") as client:
        document = (await client.get(ADDRESS)).json()
        assert document["owner"] == "a read-only file"
        answer = await put(client, document["revision"], edited(document, cpu="4"))
        assert answer.status_code == 409
        assert answer.json()["extra"] == {"read_only": True}
        assert "change them where that comes from" in answer.json()["detail"]
    assert ("writer", "catalogue.save", "refused") in await audited(service)


async def test_a_file_broken_by_hand_is_told_with_the_last_good_copy_and_can_be_mended(
    service: Service, path: Path
) -> None:
    path.write_text("profiles: [{slug: UPPER}]\n")
    async with service.client("writer") as client:
        document = (await client.get(ADDRESS)).json()
        assert {problem["path"] for problem in document["broken"]["problems"]} >= {"profiles.0.slug"}
        assert [profile["slug"] for profile in document["catalogue"]["profiles"]] == ["cpu", "t4"]
        assert (await put(client, document["revision"], document["catalogue"])).status_code == 200
        assert (await client.get(ADDRESS)).json()["broken"] is None


async def test_a_missing_file_can_be_started_from_the_examples(service: Service, path: Path) -> None:
    path.unlink()
    async with service.client("writer") as client:
        document = (await client.get(ADDRESS)).json()
        assert document["missing"].startswith(f"There is no file {path}")
        assert document["catalogue"].get("profiles", []) == []
        made = await client.put(ADDRESS, json={"catalogue": document["examples"] or {}}, headers={"If-None-Match": "*"})
        assert made.status_code == 200, made.text
        again = await client.put(ADDRESS, json={"catalogue": {}}, headers={"If-None-Match": "*"})
        assert again.status_code == 412
    assert path.exists()


async def test_yaml_goes_out_as_it_is_kept_and_comes_in_after_a_look(service: Service, path: Path) -> None:
    async with service.client("writer") as client:
        out = await client.get(f"{ADDRESS}/yaml")
        assert out.text == CATALOGUE
        assert "attachment" in out.headers["Content-Disposition"]
        text = "# spring prices\n" + CATALOGUE.replace("0.35", "0.53")
        look = await client.put(f"{ADDRESS}/yaml?dry_run=1", content=text)
        assert [change["sentence"] for change in look.json()["changes"]] == ["Prices: price of Tesla-T4 $0.35 → $0.53"]
        assert path.read_text() == CATALOGUE
        assert (await client.put(f"{ADDRESS}/yaml", content=text)).status_code == 428
        headers = {"If-Match": out.headers["ETag"]}
        assert (await client.put(f"{ADDRESS}/yaml?note=spring", content=text, headers=headers)).status_code == 200
        assert path.read_text() == text
        assert (await client.put(f"{ADDRESS}/yaml", content=text + "#", headers=headers)).status_code == 412
        for wrong in ("a: [", "profiles: [{}]", "[" * 100_000, "- a\n- b"):
            answer = await client.put(f"{ADDRESS}/yaml?dry_run=1", content=wrong)
            assert answer.status_code == 422, answer.text
    assert ("writer", "catalogue.import", "allowed") in await audited(service)


async def test_history_tells_each_change_and_restores_text_and_all(service: Service, path: Path) -> None:
    async with service.client("writer") as client:
        for cpu in ("4", "8"):
            document = (await client.get(ADDRESS)).json()
            assert (await put(client, document["revision"], edited(document, cpu=cpu), note=f"to {cpu}")).is_success
        listed = (await client.get("api/admin/history")).json()["versions"]
        assert [(v["number"], v["saved_by"], v["note"], v["changes"], v["in_force"]) for v in listed] == [
            (3, "writer", "to 8", ["CPU only: CPU 4 → 8"], True),
            (2, "writer", "to 4", ["CPU only: CPU 2 → 4"], False),
            (1, None, "as it was found", None, False),
        ]
        one = (await client.get("api/admin/history/1")).json()
        assert one["text"] == CATALOGUE
        assert [change["sentence"] for change in one["changes"]] == ["CPU only: CPU 8 → 2"]
        assert (await client.get("api/admin/history/99")).status_code == 404
        revision = (await client.get(ADDRESS)).json()["revision"]
        assert (await client.post("api/admin/history/1/restore", json={})).status_code == 428
        back = await client.post("api/admin/history/1/restore", json={}, headers={"If-Match": f'"{revision}"'})
        assert back.status_code == 200
        assert path.read_text() == CATALOGUE
        newest = (await client.get("api/admin/history")).json()["versions"][0]
        assert (newest["number"], newest["note"]) == (4, "back to version 1")
        stale = await client.post("api/admin/history/2/restore", json={}, headers={"If-Match": f'"{revision}"'})
        assert stale.status_code == 412


READS = [
    ("GET", ADDRESS),
    ("POST", f"{ADDRESS}/validate"),
    ("GET", f"{ADDRESS}/yaml"),
    ("GET", "api/admin/history"),
    ("GET", "api/admin/history/1"),
    ("POST", "api/admin/preview"),
    ("GET", "api/admin/servers"),
]
WRITES = [
    ("PUT", ADDRESS),
    ("PUT", f"{ADDRESS}/yaml"),
    ("PUT", f"{ADDRESS}/yaml?dry_run=1"),
    ("POST", "api/admin/history/1/restore"),
    ("GET", "api/admin/audit"),
]


@pytest.mark.parametrize(("method", "address"), READS + WRITES)
@pytest.mark.parametrize("who", ["plain", "ann", "admin", "stranger", None])
async def test_nobody_without_the_scope_reads_or_writes(
    service: Service, path: Path, method: str, address: str, who: str | None
) -> None:
    async with service.client(who) as client:
        answer = await client.request(
            method, address, headers={"If-Match": "x"}, content=b"{}" if method != "GET" else b""
        )
    assert answer.status_code == (401 if who is None else 403), answer.text
    assert path.read_text() == CATALOGUE
    if who in {"plain", "ann", "admin"}:
        # Refusals are counted by route: the number of a version is not part of it.
        route = f"/services/windlass/{address.partition('?')[0]}".replace("/history/1", "/history/N")
        assert (who, f"{method} {route}", "refused") in await audited(service)


@pytest.mark.parametrize(("method", "address"), WRITES)
async def test_a_reader_reads_and_writes_nothing(service: Service, path: Path, method: str, address: str) -> None:
    async with service.client("reader") as client:
        assert (await client.get(ADDRESS)).status_code == 200
        body = {"catalogue": load_catalogue(CATALOGUE).model_dump(mode="json")}
        answer = await client.request(method, address, json=body if method != "GET" else None)
    assert answer.status_code == 403
    assert path.read_text() == CATALOGUE


async def test_markup_in_a_text_field_stays_text_in_every_answer(service: Service) -> None:
    async with service.client("writer") as client:
        document = (await client.get(ADDRESS)).json()
        answer = await put(client, document["revision"], edited(document, display_name=XSS, description=XSS), note=XSS)
        assert answer.status_code == 200
        for address in (ADDRESS, f"{ADDRESS}/yaml", "api/admin/history", "api/admin/audit"):
            answer = await client.get(address)
            assert answer.headers["Content-Type"].startswith(("application/json", "application/yaml"))
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_the_audit_log_is_read_in_pages(service: Service) -> None:
    async with service.client("writer") as client:
        for turn in range(5):
            service.state.audit.record(who="ada", action="test", target=str(turn))
        await service.state.audit.settled()
        first = (await client.get("api/admin/audit?limit=2&who=ada")).json()
        assert [entry["target"] for entry in first["entries"]] == ["4", "3"]
        second = (await client.get(f"api/admin/audit?limit=10&who=ada&before={first['next']}")).json()
        assert [entry["target"] for entry in second["entries"]] == ["2", "1", "0"]
        assert second["next"] is None
        for wrong in ("limit=0", "limit=x", "limit=501", "before=-1"):
            assert (await client.get(f"api/admin/audit?{wrong}")).status_code == 400
