"""Workflows: the checked state machine, the scenarios that follow it, and the runs.

    machine, verify, view, catalogue   a workflow is rows of data; its laws are checked whenever it is loaded
    about, places, drawing             what a declaration says, as data and as pictures
    yaml_marks, sources, files         the text of a file, with the place of everything in it
    format*, matrix, expressions, params, schema   what a file may hold, and what its values become
    scenario, _extends, _steps, _check, _names, _follows, portable   reading one, and all that can be wrong with it
    scenario_text, scenario_index, followers   writing one, the page of those that ship, which follow a workflow
    port <- in_process, on_loop, over_boto3 <- over_http   the cloud that a run reaches, and all that it may ask of it
    session -> runner -> enact   a run: principals, steps, contracts, expectations; course and names are what it knows
    principals, data, keyed, settle, expect*   the parts of a step: who, which bytes, which key, what became of it
    journal, transition, keep, changes, again   what is kept of a run, and how it is taken up again
    states, normal, explanation, pictures   a run looked at: its worlds, what is the same everywhere, why, how it looks
    explore/   every order of a scenario's calls, on forks
    sweep/     a scenario in all its variations, and what makes the difference
    record/    a scenario written of what was done by hand
    reports/   what ended, in the forms that people and machines read

Nothing here knows HTTP's server side, a database or a policy; the kernel's `Cloud` is known to `in_process` alone.
"""
