"""reseal: a simulator of encrypted-snapshot sharing between AWS accounts.

The layout is the architecture. A line knows its room by one question: does it know HTTP, a database, an AWS service,
the policy language, a workflow, or only worlds and calls?

    main.py host.py settings.py exits.py composition: start-up, worlds behind the doors, every setting, how commands end
    cli.py cli_<command>.py environment.py   the commands; what they share stands in cli_options
    desk.py kind.py orders.py desks.py   what is ordered over REST: begun, followed, taken up again, forgotten
    runs.py sweeps.py explorations.py    the kinds of order | recorder.py: recordings of worlds
    coverage.py *_pages.py               the pages in docs/ that are made from declarations
    doors/wire | rest                    AWS's protocols and SigV4, plain ASGI, in front | what AWS has no word for
    persistence/                         worlds, records, log and journals in SQLite or PostgreSQL
    ../workflows/                        the checked state machine, its verifier and runner, scenarios
    repair/  outside/                    repairs tried in forks | AWS's own events and policy files, explained
    graph/                               what depends on which key: assembled from edges that services yield
    services/<name>/                     kms, ebs, iam, sts, organizations, cloudtrail, toolbox: one folder each
    kernel/                              world, call, perform, operation, draft, clock, log: the one door
    policy/                              the policy language: documents, matching, decision, trace, explanation
    blocks/  crypto/                     block maps and stores | the one place that imports `cryptography`

Rooms import downwards only (`make check` holds it). There is one door: a request becomes a `Call`, `perform` says what
it does to a world, `Cloud` commits that. A world is a value, so a fork is one reference and replay is an oracle.
"""
