"""Worlds that outlive their process. `open.open_store` is the way in; doors and the shell know the `Store` port only.

    open, folder, rootkey    what `--database` names; the data directory and its lock; the key for all secrets
    worlds, log, journal     the store: one transaction a call; the reader of a log; lines of workflow runs
    codec                    records to JSON, each secret sealed and bound to its place
    database, compiled.json  the two drivers, and the statements they run by name
    tables, statements       where schema and statements come from (SQLModel and Core); never imported by a server
    blocks                   sealed blocks in PostgreSQL, for several servers

Order of a commit: blocks stored and synced, then one transaction (compare-and-set, records, log), then the answer.
"""
