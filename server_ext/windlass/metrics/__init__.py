"""How GPUs are used: readings of several sources, one shape, merged by the device's UUID.

    reading.py      a device, a reading, a source and what it cannot say
    nvml/           this machine's own, by NVIDIA's management library
    prometheus/     pods', by the DCGM exporter
    recorded/       jobs', by the sampler inside their ranks
    sampler.py      asks them while somebody looks, once for all who do; keeping.py: the last minutes
    thinning.py     readings on a chart's grid
    merging.py      one device from what several sources say of it
    averaging.py    means over time of readings that come when they come
    judging.py      idle, input-bound, waiting for other ranks
    ranks.py        the ranks of one job beside each other

Nothing here knows prices, jobs' ledgers or HTTP of our own.
"""
