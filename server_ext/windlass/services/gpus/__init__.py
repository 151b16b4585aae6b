"""GPUs as a person sees them: named by notebook and job, judged, priced, sent to whoever looks.

kernels.py      which process is which notebook's kernel
owners.py       processes as owners: a notebook, a job's rank, something else
holdings.py     what live jobs hold: cards of this machine, pods of a cluster
money.py        what is asked about money, by whoever knows prices
snapshots.py    all of that as one answer
wire.py         readings and devices as the contract has them
watch.py        one view for each user, made once however many tabs look
charts.py       readings over time as lines of a chart
"""
