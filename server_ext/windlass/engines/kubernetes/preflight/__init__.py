"""What stands in a job's way in its cluster, asked before anything is made: one module per question."""
