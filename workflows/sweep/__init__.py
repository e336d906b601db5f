"""Sweeps: one scenario in many variations, and what makes the difference between them.

    format.py   what a file may say: strategy and verdicts
    matrix.py   from a strategy to cells
    load.py     a file, its cells' scenarios, and every mistake in them
    verdict.py  what became of a cell, and whether a row of the verdicts says so
    shared.py   cells that begin alike are run once up to where they part
    work.py     what a worker does with a batch of cells
    pool.py     batches by workers, each once in the result
    run.py      the door: results in order
    result.py   cell -> verdict, neighbours that differ; text.py shows it
    forms.py    text, JSON, and of its cases (cases.py) JUnit and TAP

A cell is a plain scenario: the references to the matrix are replaced in its tree, and everything else (checks, runner,
expectations) is as it is for any other.
"""
