"""A person's credentials, from a folder the administrator fills: files, or a mounted Secret.

    everyone.yaml          for all users
    group.NAME.yaml        for the members of a group; of several groups the alphabetically last wins
    user.NAME.yaml         for one user; wins over all

Each file maps variables of `windlass.kube.user_secret.VARIABLES` to values. In NAME everything but ASCII letters,
digits, dots and dashes is written as `_` and the two hexadecimal digits of each of its UTF-8 bytes (`ada@x.org` is
`ada_40x.org`), which suits the keys of a Secret and lets no name reach outside the folder. Ask for a file's name with
`python -m windlass_hub.isolation.credentials user ada@x.org`.

Values are never logged, and no error contains one.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from windlass.kube.user_secret import VARIABLES
from windlass_hub.profiles.access import Person

EVERYONE = "everyone.yaml"
_PLAIN = re.compile(rb"[A-Za-z0-9.-]")
_LONGEST_FILE_NAME = 240
_LARGEST_FILE_BYTES = 64 * 1024
_LONGEST_VALUE = 8 * 1024


class CredentialsError(Exception):
    """A credentials file cannot be used; `str()` names the file and what is wrong, never a value."""


def file_name(kind: str, name: str) -> str:
    """The file of a `user` or a `group` of this name. Different names have different files."""
    written = "".join(
        chr(byte) if _PLAIN.fullmatch(bytes([byte])) else f"_{byte:02x}"
        for byte in name.encode("utf-8", "surrogatepass")
    )
    if len(written) > _LONGEST_FILE_NAME - 64 - 2:
        # Two underscores in a row are in no written name.
        written = f"{written[:60]}__{hashlib.sha256(written.encode()).hexdigest()}"
    return f"{kind}.{written}.yaml"


class CredentialSource:
    """The folder; without one nobody has credentials. Read at each start, so that a changed file is in force then."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) if folder else None

    def read(self, person: Person) -> dict[str, str]:
        """What this person has, by variable. Reads files: call it off the event loop.

        Raises:
            CredentialsError: a file that concerns them cannot be read or holds something else.
        """
        if self._folder is None:
            return {}
        names = [EVERYONE, *(file_name("group", group) for group in sorted(person.groups))]
        merged: dict[str, str] = {}
        for name in (*names, file_name("user", person.name)):
            merged |= read_variables(self._folder / name)
        return merged


def read_variables(path: Path) -> dict[str, str]:
    """What one file holds, by variable; nothing where it is not there. Raises CredentialsError."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE_BYTES + 1)
    except FileNotFoundError:
        if path.parent.is_dir():
            return {}
        raise CredentialsError(f"The folder of credentials, {path.parent}, is not there.") from None
    except OSError as error:
        raise CredentialsError(f"The credentials in {path.name} cannot be read: {error.strerror}.") from None
    if len(content) > _LARGEST_FILE_BYTES:
        raise CredentialsError(f"The credentials in {path.name} are larger than {_LARGEST_FILE_BYTES} bytes.")
    try:
        document = yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:
        # The parser's own message quotes the line, and with it a value.
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise CredentialsError(f"The credentials in {path.name} are no YAML{line}.") from None
    except (yaml.YAMLError, ValueError):
        raise CredentialsError(f"The credentials in {path.name} are no YAML.") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise CredentialsError(f"The credentials in {path.name} must map variables to values.")
    return {_variable(key, path.name): _value(value, str(key), path.name) for key, value in document.items()}


def _variable(key: object, file: str) -> str:
    if isinstance(key, str) and key in VARIABLES:
        return key
    # A value in the place of a name is not repeated either.
    raise CredentialsError(f"The credentials in {file} name an unknown variable; known are {', '.join(VARIABLES)}.")


def _value(value: Any, variable: str, file: str) -> str:
    if not isinstance(value, str) or not value:
        raise CredentialsError(f"{variable} in {file} must be text: write it in quotes.")
    if len(value) > _LONGEST_VALUE or any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise CredentialsError(f"{variable} in {file} is too long, or has line breaks or control characters.")
    return value


def main(arguments: list[str]) -> int:
    """Print the file name of a user or a group."""
    if len(arguments) != 2 or arguments[0] not in {"user", "group"}:
        sys.stderr.write("usage: python -m windlass_hub.isolation.credentials user|group NAME\n")
        return 2
    sys.stdout.write(file_name(arguments[0], arguments[1]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
