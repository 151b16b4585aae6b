"""What runs inside the job, on every rank: standard library only (and IPython when the image has it).

It ships in the bundle and imports nothing else of Windlass.
"""
