"""The arithmetic of money: prices in force, what was held and how long, what of it was idle, what would have done.

    products.py     which names mean the same card, and how much of a card a MIG slice or a share is
    book.py         prices by what they are for, since when and where
    reading.py      a book from a YAML file; list_prices.yaml is the one that comes with Windlass
    holding.py      what a pod or a job's processes hold, and for how long
    rates.py        what that costs an hour, line by line
    arithmetic.py   what it cost over a time, by day, and what of it was idle
    estimating.py   what it would cost that is not sent yet
    cards.py        what data sheets say of cards
    choices.py      what a worker could be given instead
    rightsizing.py  what smaller, or larger, thing would do

Pure: asks nothing of a disk but a price book's file, of no cluster and no database; the user's server and the hub
service both stand on it. Sums are exact (`Fraction`) and rounded once, to `Decimal`, when they are told; what is not
known stays not known.
"""
