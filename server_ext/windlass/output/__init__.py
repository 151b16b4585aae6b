"""What people see in a terminal, or as text under a cell.

It renders models of the contract and asks nobody anything. Names, logs and messages come from users and programs:
all of them pass `output.text` first, so that neither rich's markup nor a terminal's control sequences in them act.
"""
