"""Jobs in a Kubernetes cluster, run by the operators that are installed there.

What is sent is made by pure functions (`model`, `pods`, `kinds/`); what becomes of it is read from watches (`phases`,
`reasons`, `timeline`); what the ranks print is copied to this server's disk (`windlass.engines.job_folder`).
"""
