"""A real JupyterHub for the browser tests. Says where it is as one line of JSON; each further line in is a command.

The cluster's capacity is made up and served over HTTP where the hub asks its service for it: no GPUs are needed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.hub import real_hub  # noqa: E402

CATALOGUE = Path(__file__).with_name("hub-profiles.yaml")
EDITORS = {"wendy": ("platform",), "walt": ("platform",)}
PEOPLE = {"ann": ("research",), "bob": (), "cyn": (), "dan": (), "fay": (), "eve": (), "root": (), **EDITORS}


def capacity() -> bytes:
    """Two T4 nodes of which one GPU is free, a full H100 node, an A100 cut into slices, one big node without GPUs."""

    def node(name: str, gpus: dict[str, float], used: dict[str, float], **labels: str) -> dict[str, object]:
        return {
            "name": name,
            "labels": {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()},
            "allocatable": {"cpu": 192.0, "memory": 2.0e12, "pods": 250.0, **gpus},
            "used": {"cpu": 3.0, "memory": 8.0e9, "pods": 12.0, **used},
            "ready": True,
        }

    card, mig = "nvidia.com/gpu", "nvidia.com/mig-1g.5gb"
    nodes = [
        node("t4-a", {card: 4.0}, {card: 3.0}, nvidia_com__gpu_product="Tesla-T4"),
        node("h100-a", {card: 8.0}, {card: 8.0}, nvidia_com__gpu_product="NVIDIA-H100-80GB-HBM3"),
        node("a100-a", {mig: 7.0}, {mig: 2.0}, nvidia_com__gpu_product="NVIDIA-A100-SXM4-40GB"),
        node("cpu-a", {}, {}),
    ]
    now = datetime.now(timezone.utc).isoformat()
    return json.dumps({"taken_at": now, "nodes": nodes, "pools": [], "source": "kubernetes", "complete": True}).encode()


class Capacity(BaseHTTPRequestHandler):
    """Answers whatever is asked with the capacity."""

    def do_GET(self) -> None:
        body = capacity()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        return


def main() -> None:
    feed = ThreadingHTTPServer(("127.0.0.1", 0), Capacity)
    threading.Thread(target=feed.serve_forever, daemon=True).start()
    extra = f"""
c.WindlassLocalSpawner.hub_service_url = "http://127.0.0.1:{feed.server_port}"
c.WindlassLocalSpawner.default_url = "/files/ready.txt"
"""
    with (
        tempfile.TemporaryDirectory(prefix="windlass-e2e-hub-", ignore_cleanup_errors=True) as base,
        real_hub.running(Path(base), catalogue=CATALOGUE.read_text(), people=PEOPLE, extra=extra) as hub,
    ):
        for name in PEOPLE:
            (hub.base / name / "ready.txt").write_text("This is the server.")
        place = {"url": hub.url, "password": hub.token, "catalogue": str(hub.catalogue)}
        print(json.dumps(place), flush=True)
        for line in sys.stdin:
            if line.strip() == "restart":
                hub.restart()
            print("done", flush=True)


if __name__ == "__main__":
    main()
