"""Pods' GPUs as the DCGM exporter tells Prometheus of them, and their CPU and memory beside it.

    fields.py    the figures by name: which metrics they are, in which unit, under which labels
    queries.py   one PromQL expression for many pods and figures
    spans.py     moments and spans of time that may be asked for
    client.py    asks Prometheus, and passes on only what is about the pods asked for
    devices.py   its answers as devices, readings and pods, and what they leave unsaid
    source.py    the two ways to ask: Prometheus itself, or the hub in the user's name

The hub service asks with the first four in its users' names; what users send are names and times, never PromQL.
"""
