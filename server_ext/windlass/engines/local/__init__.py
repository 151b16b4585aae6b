"""The embedded engine: jobs as processes of this machine, each under a supervisor that outlives the server."""
