"""What runs inside the job, on every rank. Standard library only (IPython when the image has it); imports nothing else of Windlass."""
