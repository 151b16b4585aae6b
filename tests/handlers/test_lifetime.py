"""In a hub's container a local job ends with the server, and whoever sends one is told so first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.jupyter import Server, end_all


@dataclass
class PodServer(Server):
    """A server with the environment of one in a hub's pod."""

    def environment(self) -> dict[str, str]:
        pod = {
            "JUPYTERHUB_SERVICE_PREFIX": "/user/ann/",
            "JUPYTERHUB_USER": "ann",
            "JUPYTERHUB_API_URL": "http://hub:8081/hub/api",
            "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        }
        return {**super().environment(), **pod}


def test_who_sends_a_local_job_from_a_hubs_container_is_told_that_it_ends_with_it(tmp_path: Path) -> None:
    server = PodServer(base=tmp_path)
    try:
        server.start().notebook("a.ipynb", "print(1)")
        with server.client() as http:
            info = http.get("/info").json()
            assert (info["on_hub"], info["job_survives_server"], info["user"]) == (True, False, "ann")
            preview = http.post("/jobs/preview", json={"notebook": "a.ipynb"}).json()
            (lifetime,) = [check for check in http.get("/doctor").json()["items"] if check["name"] == "job lifetime"]
        assert lifetime["ok"] is None
        job = server.reaches(server.send("a.ipynb")["id"])
        with server.client() as http:
            again = http.post(f"/jobs/{job['id']}/rerun", json={}).json()
        for notices in (preview["notices"], job["notices"], again["notices"]):
            assert any("ends with your server's container" in notice for notice in notices)
    finally:
        server.end()
        end_all(tmp_path)
