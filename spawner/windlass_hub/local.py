"""Servers as processes of the hub's own machine, with the same profiles as on a cluster.

For a workstation shared by people who trust each other, for trying Windlass out, and for its tests. It knows no
cluster.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Unicode, default

from windlass.engines.local.machine import gpu_ids
from windlass.kube.quantities import parse_bytes, parse_quantity

from . import places
from .profiles.model import Gpu, Profile
from .profiles.options import Choice
from .profiles.rendering import environment
from .spawning import ProfileSpawning, refusal


class WindlassLocalSpawner(ProfileSpawning, LocalProcessSpawner):  # type: ignore[misc]  # JupyterHub is not typed
    """Starts each server as a process of the user the hub itself runs as, in a home folder per JupyterHub user.

    **It isolates nothing.** Every user's code can read every other user's files and the hub's own database, may use all
    CPUs and all memory, and sees any GPU it asks the driver for: limits and GPUs are told to the server in its
    environment, and nobody enforces them. Images and volumes of a profile mean nothing here; the server runs in the
    hub's own Python environment, as JupyterLab whatever the profile's interface.
    """

    home_dir_template = Unicode(
        "homes/{username}",
        help="""Each user's home folder, made when it is missing. Relative to the folder the hub runs in;
        {username} is the user's name with what a file name cannot hold in percent signs.""",
    ).tag(config=True)

    pid: int  # a trait of LocalProcessSpawner
    gpus: tuple[str, ...] = ()
    """The GPUs told to the server, as CUDA_VISIBLE_DEVICES names them."""
    _choice: Choice | None = None
    _stopping = False

    @default("cmd")
    def _own_python(self) -> list[str]:
        return [sys.executable, "-m", "jupyterhub.singleuser"]

    @property
    def file_name(self) -> str:
        """The user's name as a file name: no slash, and not `..`."""
        name = quote(str(self.user.name), safe="@")
        return name if name.strip(".") else name.replace(".", "%2E")

    @property
    def home(self) -> Path:
        """The user's home folder."""
        return Path(self.home_dir_template.format(username=self.file_name)).expanduser().absolute()

    async def start(self) -> tuple[str, int]:
        """Start the server.

        Raises:
            SpawnException: the options are refused, or too few GPUs are free.
        """
        self._choice, self._stopping = None, False
        if self.profile_store:
            self._choice = await self.choose()
            await self._take_gpus(self._choice.profile.gpu)
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.popen_kwargs |= {"cwd": str(self.home)}
        address: tuple[str, int] = await super().start()
        self.save_state()
        return address

    async def stop(self, now: bool = False) -> None:
        """Stop the server."""
        self._stopping = True
        await super().stop(now=now)

    async def poll(self) -> int | None:
        """None while the server runs, else its exit status; 0 when that is not known."""
        pid, ours = int(self.pid), self.proc is not None
        if pid and not ours and not _lives(pid):
            self.clear_state()
        status: int | None = await super().poll()
        if pid and status is not None and not self._stopping and not (ours and status == 0):
            self.ended(_why(status if ours else None))
        return status

    def make_preexec_fn(self, name: str) -> None:  # noqa: ARG002  (the base class's signature)
        """Nothing to do in the new process: it stays the same user."""
        return

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Name and home of the user."""
        name = str(self.user.name)
        return {**env, "USER": name, "HOME": str(self.home), "SHELL": os.environ.get("SHELL", "/bin/sh")}

    def get_env(self) -> dict[str, str]:
        """The server's environment, with what a container would have enforced as hints."""
        env: dict[str, str] = super().get_env()
        if self._choice is None:
            return env
        profile = self._choice.profile
        env |= _limits(profile)
        env |= {name: self._expanded(text) for name, text in environment(profile).items()}
        # An empty value hides all GPUs from CUDA.
        env |= {"CUDA_VISIBLE_DEVICES": ",".join(self.gpus)}
        if self.gpus:
            env["NVIDIA_VISIBLE_DEVICES"] = ",".join(self.gpus)
        if self._choice.image:
            env |= {"JUPYTER_IMAGE": self._choice.image, "JUPYTER_IMAGE_SPEC": self._choice.image}
        return env

    def get_args(self) -> list[str]:
        """The server's arguments; a hub that runs as root has servers that do."""
        args: list[str] = super().get_args()
        return [*args, "--allow-root"] if os.geteuid() == 0 and "--allow-root" not in args else args

    def get_state(self) -> dict[str, Any]:
        """The process, and when it began: after a reboot another may have its number."""
        state: dict[str, Any] = super().get_state()
        if self.pid and (began := _began(self.pid)):
            state["began"] = began
        return {**state, "gpus": list(self.gpus)} if self.gpus else state

    def load_state(self, state: dict[str, Any]) -> None:
        """After a restart of the hub."""
        super().load_state(state)
        self.gpus = tuple(state.get("gpus") or ())
        if self.pid and "began" in state and _began(self.pid) != state["began"]:
            self.pid = 0

    def clear_state(self) -> None:
        """The server ended: its GPUs are free."""
        super().clear_state()
        self.gpus = ()

    def move_certs(self, paths: dict[str, str]) -> dict[str, str]:
        """The hub's own user can read them where they are."""
        return paths

    async def _take_gpus(self, wanted: Gpu | None) -> None:
        self.gpus = ()
        if wanted is None:
            return
        found = await asyncio.to_thread(gpu_ids)
        free = self._free(found, wanted)
        if len(free) < wanted.count:
            raise refusal(
                f"This machine has {len(found)} GPU{'' if len(found) == 1 else 's'}, of which {len(free)} "
                f"{'is' if len(free) == 1 else 'are'} free; {wanted.count} needed: choose another profile or wait.",
                reason="capacity",
                status=503,
            )
        self.gpus = tuple(free[: wanted.count])

    def _free(self, found: tuple[str, ...], wanted: Gpu) -> list[str]:
        """Whole cards that nobody has; for a share, cards with a share left, those first that are cut already."""
        shares: Counter[str] = Counter()
        whole: set[str] = set()
        for other in places.holders(self.profile_store):
            mode = other.chosen.gpu.mode if other.chosen and other.chosen.gpu else None
            if mode == "shared":
                shares.update(other.gpus)
            else:
                whole.update(other.gpus)
        room = wanted.replicas or 1
        free = [gpu for gpu in found if gpu not in whole and shares[gpu] < room]
        return sorted(free, key=lambda gpu: -shares[gpu])

    def _expanded(self, text: str) -> str:
        fields = {"username": self.file_name, "unescaped_username": self.user.name, "servername": self.name}
        for name, value in fields.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text


def _limits(profile: Profile) -> dict[str, str]:
    return {
        "CPU_LIMIT": str(float(parse_quantity(profile.cpu))),
        "CPU_GUARANTEE": str(float(parse_quantity(profile.cpu_guarantee or profile.cpu))),
        "MEM_LIMIT": str(parse_bytes(profile.memory)),
        "MEM_GUARANTEE": str(parse_bytes(profile.memory_guarantee or profile.memory)),
    }


def _why(status: int | None) -> str:
    if status is None:
        return "Your last server ended by itself while the hub was restarted."
    if status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
        hint = " That is often for lack of memory." if -status == signal.SIGKILL else ""
        return f"Your last server was ended from outside ({name}).{hint}"
    return f"Your last server ended by itself with exit status {status}."


def _began(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def _lives(pid: int) -> bool:
    """Whether the process is there and no zombie: the hub that could have buried it may be gone."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
