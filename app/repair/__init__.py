"""Repairs of refusals, tried: the smallest change that makes a refused call succeed, made in a fork by real calls.

search.py candidates in order, narrowest first | trial.py one try in a fork | state.py repairs that edit no policy
run.py of a scenario's run | write.py into the policy file | narrowest.py the policies that a share needs, proved

The policy engine proposes edits (`app/policy/repair*.py`); nothing is offered here that was not tried.
"""
