"""Secrets in what would be sent: found line by line, shown masked, never repeated.

A small table of the tokens that data scientists paste, plus assignments to names like `password` whose value looks
random. Few false alarms matter as much as few misses: an alarm that cries wolf is switched off.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_SCANNED_BYTES = 2_000_000
MAX_LINE_LENGTH = 20_000
MAX_HITS_PER_TEXT = 20

_TOKENS: tuple[tuple[str, str], ...] = (
    ("a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{50,}\b"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_\-]{20,}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}\b"),
    ("an Anthropic key", r"\bsk-ant-[A-Za-z0-9_\-]{24,}"),
    (
        "an OpenAI key",
        r"\bsk-(?:proj-|svcacct-|admin-)?(?=[A-Za-z0-9_\-]*\d)(?=[A-Za-z0-9_\-]*[A-Z])[A-Za-z0-9_\-]{32,}",
    ),
    ("a Google API key", r"\bAIza[0-9A-Za-z_\-]{35}\b"),
    ("a Google OAuth secret", r"\bGOCSPX-[0-9A-Za-z_\-]{28}|\bya29\.[0-9A-Za-z_\-]{30,}"),
    ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}"),
    ("a Slack webhook", r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{20,}"),
    ("a Stripe key", r"\b[rs]k_live_[0-9A-Za-z]{20,}"),
    ("an Azure storage key", r"AccountKey=[A-Za-z0-9+/]{80,}={0,2}"),
    ("a PyPI token", r"\bpypi-AgEI[A-Za-z0-9_\-]{40,}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a Databricks token", r"\bdapi[0-9a-f]{32}\b"),
    ("a JSON web token", r"\beyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{16,}"),
)
_ANY_TOKEN = re.compile("|".join(f"(?P<t{index}>{pattern})" for index, (_, pattern) in enumerate(_TOKENS)))

_NAME = (
    r"(?P<name>[A-Za-z_][\w.\-]{0,60}?(?:password|passwd|pwd|passphrase|secret|token|api_?key|apikey|access_?key"
    r"|auth_?key|account_?key|credentials?)|password|passwd|pwd|passphrase|secret|token|api_?key|apikey|access_?key)(?P<tail>\w{0,30})"
)
_QUOTED = re.compile(
    rf"(?i)(?<![\w]){_NAME}[\"']?\s*\]?\s*(?::\s*[\w.\[\]| ]+)?(?:=|:|,)\s*[rbuf]?"
    r"[\"'](?P<value>[^\"'\s]{8,200})[\"']"
)
_SHELL = re.compile(
    rf"(?i)^\s*(?:!?\s*export\s+|%env\s+|%set_env\s+){_NAME}\s*[= ]\s*(?P<value>[^\"'\s()\[\]{{}},]{{8,200}})\s*$"
)
_CONFIGURATION = re.compile(rf"(?i)^\s*[\"']?{_NAME}[\"']?\s*[=:]\s*(?P<value>[^\"'\s()\[\]{{}},]{{8,200}})\s*$")
_LOGIN = re.compile(r"(?i)\blogin\(\s*(?:key|token)\s*=\s*[\"'](?P<value>[^\"'\s]{16,200})[\"']")
_IN_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.\-]{1,20}://[^\s/:@\"'{}<>$]{0,64}:(?P<value>[^\s/:@\"'{}<>$*]{4,128})@[\w.\-\[]"
)
_CHEAP = re.compile(
    r"(?i)passw|passphrase|pwd|secret|token|key|credential|login|://|PRIVATE|gh[pousr]_|github_pat|hf_|sk-|glpat|AKIA|ASIA|AIza|xox|eyJ|dapi|npm_|GOCSPX|ya29|hooks\.slack|sk_live|rk_live|pypi-"
)

_INNOCENT_NAME = re.compile(
    r"(?i)tokeni[sz]|(?:num|max|min|n|per|pad|eos|bos|unk|sep|cls|mask|special|stop|start|end|new|next|prompt|image|added"
    r"|sentence|word|input|output|total|bad|page)_?token|token_?(?:type|id|class|count|len|size|limit|name|budget|s_|url|path|file)"
    r"|tokens\b|(?:secret|key|password|passwd|passphrase|pwd|token)_?(?:name|path|file|env|var|required|policy|field|label|url|type|prompt|scope|id$)|public_?key"
    r"|primary_?key|foreign_?key|keyword|monkey|keyboard"
)
_PLACEHOLDER = re.compile(
    r"(?i)^your|^(?:my|the|some|insert|enter|replace|change|fill|put|add|an?)[\W_]|changeme|^example|placeholder|dummy|redacted"
    r"|^<.*>$|^\$|\$\{|\{\{|^\{.*\}$|^%.*%$|^x{4,}|^\*+$|\*{3,}|••|\.{3}|x{6,}|^(?:none|null|true|false|undefined|password|passwd|passw0rd|pass|pwd|secret|tiger|guest|hunter2)$"
    r"|os\.environ|getenv|secretsmanager|^(?:https?|file|s3|gs)://|^/|^\.{0,2}/|here$|^test[\W_]|todo"
)
_TOKEN_CHARACTERS = re.compile(r"[A-Za-z0-9_\-+/=.~:]+")
_PASSWORD_NAME = re.compile(r"(?i)passw|pwd|passphrase")

_SECRET_FILE = re.compile(
    r"(?i)^(?:\.env(?:\.(?!example$|sample$|template$|dist$)[\w.\-]+)?|\.envrc|id_(?:rsa|dsa|ecdsa|ed25519)|.+\.(?:p12|pfx|jks|kdbx|ppk)"
    r"|\.netrc|_netrc|\.pgpass|\.pypirc|\.git-credentials|\.htpasswd|application_default_credentials\.json|kaggle\.json)$"
)


@dataclass(frozen=True, kw_only=True)
class SecretHit:
    """Something that looks like a secret, on a line counted from 1."""

    kind: str
    line: int
    excerpt: str
    """The line, masked and shortened."""


def secret_file_kind(path: str) -> str | None:
    """What a file holds judging by its name alone: `a .env file`; None for a name that says nothing."""
    name = path.rpartition("/")[2]
    if not _SECRET_FILE.match(name):
        return None
    return "environment secrets" if name.lower().startswith(".env") else "credentials or keys"


def scan_text(text: str, *, is_code: bool) -> list[SecretHit]:
    """The secrets in a text, one per line at most, at most MAX_HITS_PER_TEXT.

    In code a bare word behind `=` is a variable; in a configuration file it is the value itself.
    """
    if not _CHEAP.search(text):
        return []
    hits: list[SecretHit] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if len(hits) >= MAX_HITS_PER_TEXT:
            break
        spans = list(_spans(line[:MAX_LINE_LENGTH], is_code=is_code)) if _CHEAP.search(line) else []
        if spans:
            hits.append(SecretHit(kind=spans[0][2], line=number, excerpt=shorten(mask(line))))
    return hits


def mask(line: str) -> str:
    """The line with every secret in it covered."""
    if not _CHEAP.search(line):
        return line
    if len(line) > MAX_LINE_LENGTH:
        return line[:40] + " …"
    covered = line
    for start, end, _ in sorted(_spans(line, is_code=False), reverse=True):
        covered = covered[:start] + _cover(covered[start:end]) + covered[end:]
    return covered


def shorten(line: str, length: int = 160) -> str:
    """A line for a list: without its indentation, cut at `length` characters."""
    text = line.strip()
    return text if len(text) <= length else text[: length - 1] + "…"


def looks_secret(name: str, value: str) -> bool:
    """Whether a value of this name (a parameter's, say) is a secret."""
    return bool(list(_spans(f"{name} = {value!r}", is_code=True))) or bool(_ANY_TOKEN.search(value))


def holds_secret(name: str, value: Any) -> bool:
    """Whether a JSON value of this name is, or has in it, a secret."""
    if isinstance(value, str):
        return looks_secret(name, value)
    if isinstance(value, list):
        return any(holds_secret(name, item) for item in value)
    if isinstance(value, dict):
        return any(holds_secret(str(key), item) for key, item in value.items())
    return False


def _cover(secret: str) -> str:
    shown = secret[:4] if len(secret) >= 20 and not secret.startswith("-----") else ""
    return f"{shown}••••••"


def _spans(line: str, *, is_code: bool) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of each secret; spans do not overlap."""
    taken: list[tuple[int, int]] = []

    def free(start: int, end: int) -> bool:
        if any(start < other_end and other_start < end for other_start, other_end in taken):
            return False
        taken.append((start, end))
        return True

    for found in _ANY_TOKEN.finditer(line):
        kind = _TOKENS[int((found.lastgroup or "t0")[1:])][0]
        if free(*found.span()):
            yield *found.span(), kind
    assignments = (_QUOTED, _SHELL) if is_code else (_QUOTED, _SHELL, _CONFIGURATION)
    for found in (match for pattern in assignments for match in pattern.finditer(line)):
        name, value = found["name"] + found["tail"], found["value"]
        if _is_secret_value(name, value) and free(*found.span("value")):
            yield *found.span("value"), "a password or key"
    for found in _LOGIN.finditer(line):
        if _looks_random(found["value"]) and free(*found.span("value")):
            yield *found.span("value"), "a login key"
    for found in _IN_ADDRESS.finditer(line):
        if not _PLACEHOLDER.search(found["value"]) and free(*found.span("value")):
            yield *found.span("value"), "a password in an address"


def _is_secret_value(name: str, value: str) -> bool:
    if _INNOCENT_NAME.search(name) or _PLACEHOLDER.search(value):
        return False
    if _PASSWORD_NAME.search(name):
        return _character_classes(value) >= 2
    return _looks_random(value)


def _looks_random(value: str) -> bool:
    """Long, mixed, and with the entropy (bits per character) of something generated."""
    if len(value) < 16 or not any(c.isdigit() for c in value) or not any(c.isalpha() for c in value):
        return False
    if not _TOKEN_CHARACTERS.fullmatch(value):
        return False  # a regular expression, a template, a sentence
    words = re.findall(r"[a-z]{4,}", value)
    if sum(map(len, words)) > 0.6 * len(value):
        return False  # a name made of words: `bert-base-uncased-v2`
    return _entropy(value) >= 3.0


def _character_classes(value: str) -> int:
    return sum(
        any(test(c) for c in value) for test in (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    )


def _entropy(value: str) -> float:
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
