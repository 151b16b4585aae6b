"""Style sheets and scripts of the pages. Public: they are the same for everybody and hold nothing of the hub."""

from __future__ import annotations

import mimetypes
from functools import cache
from pathlib import Path

from tornado.web import HTTPError

from windlass_hub.service.answers import AnswerHandler

FOLDER = Path(__file__).parents[2] / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class FileHandler(AnswerHandler):
    """`static/PATH`."""

    def check_xsrf_cookie(self) -> None:
        """Nothing is done here, so nothing can be forged."""

    async def get(self, path: str) -> None:
        """One of our files; browsers ask each time whether it is still the same."""
        content = _files().get(path)
        if content is None:
            raise HTTPError(404)
        suffix = Path(path).suffix
        self.set_header("Content-Type", f"{_TYPES.get(suffix) or mimetypes.types_map[suffix]}; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        # tornado adds the ETag of the content and answers 304 by it.
        self.finish(content)


@cache
def _files() -> dict[str, bytes]:
    """Every file by its path: only what was there at the start is given, so no path can lead anywhere else."""
    found = (path for path in FOLDER.rglob("*") if path.suffix in _TYPES and path.is_file())
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in found}
