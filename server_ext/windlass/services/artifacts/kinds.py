"""What a file is, by its name and first bytes: how it may be shown, and as what its bytes may be handed out.

Only what is on these lists is ever shown by a browser itself; everything else is plain text or to be downloaded.
"""

from __future__ import annotations

from typing import NamedTuple

from windlass.contract.artifacts import ViewKind

DOWNLOAD = "application/octet-stream"
PLAIN = "text/plain; charset=utf-8"


class ImageType(NamedTuple):
    """A kind of image that browsers show."""

    media_type: str
    magic: tuple[bytes, ...]
    """One of these is in its first bytes."""
    offset: int = 0


_JPEG = ImageType("image/jpeg", (b"\xff\xd8\xff",))
SVG = ImageType("image/svg+xml", (b"<",))
IMAGES = {
    "png": ImageType("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "jpg": _JPEG,
    "jpeg": _JPEG,
    "gif": ImageType("image/gif", (b"GIF87a", b"GIF89a")),
    "webp": ImageType("image/webp", (b"WEBP",), offset=8),
    "bmp": ImageType("image/bmp", (b"BM",)),
    "avif": ImageType("image/avif", (b"ftypavif", b"ftypavis"), offset=4),
    "svg": SVG,
}
TABLES = {"csv": "text/csv", "tsv": "text/tab-separated-values", "tab": "text/tab-separated-values"}
PARQUET = frozenset({"parquet", "pq"})
_TEXTS = (
    *("txt", "log", "out", "err", "md", "rst", "tex", "diff", "patch", "sql", "xml", "js", "ts", "css", "sh", "py"),
    *("ipy", "r", "yaml", "yml", "toml", "ini", "cfg", "conf", "jsonl", "ndjson"),
)
_BY_SUFFIX = {
    "json": ViewKind.JSON,
    "geojson": ViewKind.JSON,
    "ipynb": ViewKind.NOTEBOOK,
    "html": ViewKind.HTML,
    "htm": ViewKind.HTML,
    **dict.fromkeys(IMAGES, ViewKind.IMAGE),
    **dict.fromkeys((*TABLES, *PARQUET), ViewKind.TABLE),
    **dict.fromkeys(_TEXTS, ViewKind.TEXT),
}
_MEDIA_TYPES = {
    ViewKind.TEXT: "text/plain",
    ViewKind.JSON: "application/json",
    ViewKind.NOTEBOOK: "application/x-ipynb+json",
    ViewKind.HTML: "text/html",
}


class Served(NamedTuple):
    """As what a file's bytes are handed out."""

    media_type: str
    inline: bool
    """A browser may show it itself."""


def suffix_of(path: str) -> str:
    """What follows the last dot of the name, in lower case; empty when there is none."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def kind_of(path: str) -> ViewKind | None:
    """How a file of this name is to be shown; None: its bytes must tell."""
    return _BY_SUFFIX.get(suffix_of(path))


def media_type_of(path: str, kind: ViewKind) -> str:
    """What a file is said to be."""
    suffix = suffix_of(path)
    if kind is ViewKind.IMAGE and suffix in IMAGES:
        return IMAGES[suffix].media_type
    if kind is ViewKind.TABLE:
        return "application/vnd.apache.parquet" if suffix in PARQUET else TABLES.get(suffix, "application/json")
    return _MEDIA_TYPES.get(kind, DOWNLOAD)


def is_image(path: str, head: bytes) -> bool:
    """Whether the first bytes are those of the image that the name promises."""
    image = IMAGES[suffix_of(path)]
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n") if image is SVG else head[image.offset :]
    return start.startswith(image.magic)


def served_as(path: str) -> Served:
    """As what the bytes of a file of this name may be handed out for showing."""
    kind = kind_of(path)
    if kind in (ViewKind.IMAGE, ViewKind.HTML):
        return Served(media_type_of(path, kind), inline=True)
    if kind is ViewKind.TEXT or kind in (ViewKind.JSON, ViewKind.NOTEBOOK) or suffix_of(path) in TABLES:
        return Served(PLAIN, inline=True)
    return Served(DOWNLOAD, inline=False)
