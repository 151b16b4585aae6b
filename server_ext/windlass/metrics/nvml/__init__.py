"""GPUs of this machine, asked of NVIDIA's management library (NVML) through `nvidia-ml-py`.

source.py       the `GpuSource`: a thread of its own, because a sick driver can keep its caller for minutes
library.py      begins, looks, begins again when the driver was lost; knows which devices there are
devices.py      cards and MIG slices: what does not change while the driver runs
measuring.py    what does: each call's error kept apart from the others'
processes.py    who holds a context on a device
samples.py      performance samples of Hopper and newer cards, which know what MIG slices do
faults.py       NVML's codes as conditions and sentences
"""
