"""MLflow's filter syntax for runs: read, judged and completed here, so that mistakes are shown where they are."""
