"""The routes come late and all at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from tornado.routing import Rule
from tornado.web import Application

from windlass.handlers.lazy import LazyRoutes
from windlass.handlers.routes import patterns


class SlowRoutes(LazyRoutes):
    """The third route takes its time, so that another thread looks while they are being made."""

    made = 0
    half_way = threading.Event()
    looked = threading.Event()

    def process_rule(self, rule: Rule) -> Rule:
        self.made += 1
        if self.made == 3:
            self.half_way.set()
            self.looked.wait(10)
        return super().process_rule(rule)


def test_a_request_while_the_routes_are_loaded_ahead_never_finds_a_part_of_them() -> None:
    routes = SlowRoutes(application=Application(), base_url="/")
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(routes.load)
        assert routes.half_way.wait(30)
        seen = len(routes.rules)
        routes.looked.set()
        loading.result(30)
    assert seen == 0
    assert len(routes.rules) == len(patterns())
