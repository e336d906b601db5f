"""Where a volume's bytes are: references in two-level maps, sealed blocks in stores, and what may be thrown away.

Nothing here knows keys, volumes or worlds. A map is a value that a record may hold; a store keeps bytes under names.

    ref       the name of one sealed block           store      the port, its errors, blocks in memory
    map       index -> reference, copy on write      segments   blocks in append-only files (entry: their layout,
    collect   what no map reaches any more                      disk: the file operations, so that tests can fail them)
"""
