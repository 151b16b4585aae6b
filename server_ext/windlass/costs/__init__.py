"""The arithmetic of money: prices in force, what was held and how long, what of it was idle, what would have done.

Pure: asks nothing of a disk but a price book's file, of no cluster and no database; the user's server and the hub
service both stand on it. Money is `Decimal` inside; what is not known stays not known.
"""
