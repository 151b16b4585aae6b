"""How GPUs are used: readings of several sources, one shape, merged by the device's UUID.

    reading.py      a device, a reading, a source and what it cannot say
    nvml/           this machine's own, by NVIDIA's management library
    prometheus/     pods', by the DCGM exporter
    recorded/       jobs', by the sampler inside their ranks
    merging.py      one device from what several sources say of it
    judging.py      idle, input-bound, waiting for other ranks

Nothing here knows prices, jobs' ledgers or HTTP of our own.
"""
