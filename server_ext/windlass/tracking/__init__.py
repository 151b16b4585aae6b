"""MLflow by REST: where runs are tracked, the embedded server, the job's record. MLflow itself is never imported here."""
