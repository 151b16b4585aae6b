"""Where runs are tracked: MLflow by REST, the embedded server, the job's record.

MLflow itself is never imported in the Jupyter process.
"""
