"""Scenarios written by reseal: `recording` keeps what was done by hand, `scenario` writes it down.

recording.py     calls, actors and things, as lines that a server keeps and tells
looking.py       how things are described before a call changes them
cast.py          who plays: declared, or signed in by a step
given*.py        set-up steps for what was there before: keys and EBS, IAM, an organization
references.py    ids that only a run knows, and the references that stand for them
sheet, naming, words, key_policies   what a file calls things, its policies, and what is left out
scenario.py      the file
"""
