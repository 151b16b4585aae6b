"""What is seen of jobs in the cluster: one watch for all, and what it means, in states and in plain words."""
