"""What of a job lies on this server's disk, whichever engine runs it: its folder, its log and the index over it.

The local engine's jobs write there themselves; of a job in a cluster it is the copy that the server keeps.
"""
