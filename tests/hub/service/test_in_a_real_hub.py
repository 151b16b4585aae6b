"""The service as a real hub starts it: asked by users' servers with their tokens, and by a browser that has logged in."""

from __future__ import annotations

import pytest
from tests.hub import real_hub
from tests.hub.real_hub import Hub

pytestmark = pytest.mark.skipif(bool(real_hub.MISSING), reason=real_hub.MISSING or "")


def test_me(hub: Hub) -> None:
    hub.wait_for_service()
    answer = hub.service("GET", "api/me", user="wendy")
    assert answer.status_code == 200, answer.text
    print(answer.json())
    for path in ("prices", "images", "profiles", "capacity", "token", "metrics", "health"):
        answer = hub.service("POST" if path == "token" else "GET", f"api/{path}", user="ann")
        print(path, answer.status_code, answer.text[:500])
    assert 0
