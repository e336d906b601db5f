"""Scenarios written by reseal: `recording` keeps what was done by hand, `scenario` writes it down.

recording.py    calls, principals and things, as a server tells them
references.py   ids that only a run knows, and the references that stand for them
given.py        set-up steps for what was there before
scenario.py     the file and its policies
"""
