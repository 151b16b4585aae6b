"""Asks the hub service whether a budget refuses a start; where it does not answer, none does.

Unknown blocks nobody: a service that is away must not keep people from working.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

logger = logging.getLogger(__name__)
ANSWER_SECONDS = 2.0
LONGEST_SENTENCE = 1000


async def refused_by_budget(url: str, *, token: str, user: str, groups: Collection[str]) -> str | None:
    """Why this user may start nothing new, as a sentence; None where they may, or nobody knows.

    Args:
        url: of the service's `internal/budget`.
        token: what the hub gave itself and the service to know each other by.
        user: as the hub calls them.
        groups: theirs, now.
    """
    query = urlencode([("user", user), *(("group", group) for group in sorted(groups))])
    try:
        answer = await AsyncHTTPClient().fetch(
            f"{url}?{query}",
            headers={"Authorization": f"token {token}"},
            connect_timeout=ANSWER_SECONDS,
            request_timeout=ANSWER_SECONDS,
            follow_redirects=False,
        )
        refused = json.loads(answer.body)["refused"]
    except (HTTPClientError, OSError, ValueError, KeyError, TypeError) as error:
        logger.info("The hub service did not say whether a budget is used up: %s", type(error).__name__)
        return None
    return refused[:LONGEST_SENTENCE] if isinstance(refused, str) and refused else None
