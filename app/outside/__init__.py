"""Explaining from outside: a CloudTrail record and a folder of policies, with no world behind them.

    event -> Incident; folder -> the files about it; both -> Case (a question, and what it does not tell)
    Case -> every way the unknown may be -> those that fit what AWS said -> Verdict -> text, JSON

Knows policies and CloudTrail's records, no service and no world. What the files do not tell is never guessed: it is
tried every way, and named where the verdict depends on it. Beside it the checks of policies (audit*.py) and the causes
of an error text alone (texts.py). Layout of the folder and form of the answer: ecosystem.md 7.2.
"""
