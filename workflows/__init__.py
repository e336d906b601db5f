"""Workflows: the checked state machine, the scenarios that follow it, and the runs.

    machine, verify, catalogue   a workflow is rows of data; its laws are checked whenever it is loaded
    yaml_marks, format, scenario*, expressions, params   a scenario file, with the place of everything in it
    port <- in_process, over_boto3 <- over_http   the cloud that a run reaches, and all that it may ask of it
    session -> runner -> enact   a run: principals, steps, contracts, settling, expectations; course is what it knows
    journal, transition, again   what is kept of a run, and how it is taken up again
    portable, scenario_index     what runs at any endpoint, and the page of what ships
    explore   every order of a scenario's calls, on forks
    report, explanation, pictures, normal   what is shown of it, and what must be the same everywhere

Nothing here knows HTTP's server side, a database or a policy; the kernel's `Cloud` is known to `in_process` alone.
"""
