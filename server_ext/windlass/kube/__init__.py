"""The Kubernetes API as Windlass speaks it: plain dicts over HTTP, and watches that survive what clusters do.

What a job, a profile or a namespace of ours means is known elsewhere; this knows the API's own words alone.
"""
