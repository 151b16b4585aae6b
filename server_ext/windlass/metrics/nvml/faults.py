"""NVML's error codes as conditions, and as sentences that say what to do.

Three things are told apart: the whole driver is not there, one device is sick, one figure is not given.
"""

from __future__ import annotations

from dataclasses import dataclass

import pynvml

from windlass.metrics.reading import ConditionCode

NOT_GIVEN = frozenset(
    {
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_NOT_FOUND,
        pynvml.NVML_ERROR_NO_DATA,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DEPRECATED,
        pynvml.NVML_ERROR_NOT_READY,
    }
)
"""This device, or this driver, does not tell such a thing: no fault."""

_DRIVER_IS_AWAY = frozenset(
    {
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND,
    }
)
_DEVICE_IS_SICK = {
    pynvml.NVML_ERROR_GPU_IS_LOST: "The driver has lost this GPU: it fell off the bus. Restart the machine, and look "
    "for XID 79 in its kernel log.",
    pynvml.NVML_ERROR_RESET_REQUIRED: "This GPU needs a reset: end what uses it, then `nvidia-smi --gpu-reset`.",
    pynvml.NVML_ERROR_IRQ_ISSUE: "This GPU's interrupts do not arrive: its driver cannot use it.",
}
_WHOLE: dict[int, tuple[ConditionCode, str]] = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: (
        "no-driver",
        "This machine has no NVIDIA driver (libnvidia-ml.so.1 is not found), so no GPU of it can be read.",
    ),
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: (
        "no-driver",
        "The NVIDIA driver is installed but not loaded; `nvidia-smi` says the same. Load it, or restart the machine.",
    ),
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
        "no-driver",
        "The NVIDIA driver was updated and the old one still runs. Restart the machine.",
    ),
    pynvml.NVML_ERROR_NO_PERMISSION: (
        "no-permission",
        "This user may not read GPUs: /dev/nvidia* are closed to it. Ask whoever runs this machine.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What went wrong as a whole."""

    code: ConditionCode
    message: str


def whole(error: pynvml.NVMLError) -> Fault:
    """Why nothing can be read."""
    code, message = _WHOLE.get(
        error.value, ("failed", f"The NVIDIA driver refuses to be read: {words(error)}. `nvidia-smi` may say more.")
    )
    return Fault(code=code, message=message)


def ends_session(error: pynvml.NVMLError) -> bool:
    """Whether the library has to be begun again before anything is answered."""
    return error.value in _DRIVER_IS_AWAY


def sickness(error: pynvml.NVMLError) -> str | None:
    """Why nothing of this device can be read, as a sentence; None where only this one figure cannot."""
    return _DEVICE_IS_SICK.get(error.value)


def words(error: pynvml.NVMLError) -> str:
    """NVML's own words for it."""
    return str(error)
