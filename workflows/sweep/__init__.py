"""Sweeps: one scenario in many variations, and what makes the difference between them.

    format.py   what a file may say: strategy and verdicts
    values.py   labels for values that are mappings or lists
    matrix.py   from a strategy to cells
    load.py     a file, its cells' scenarios, and every mistake in them
    verdict.py  what became of a cell, and whether a row of the verdicts says so
    shared.py   cells that begin alike are run once up to where they part
    work.py     what a worker does with a batch of cells
    pool.py     batches by workers, each once in the result
    run.py      the door: results in order
    result.py   cell -> verdict, neighbours that differ; text.py shows it
    ended.py    a sweep that ended, and its failures: cells that fail alike
    forms.py    text, JSON; of its cases (cases.py) JUnit and TAP, of its findings (findings.py) SARIF and GitHub,
                the summary (markdown.py), and the page (html.py) with every cell (html_matrix.py)

A cell is a plain scenario: the references to the matrix are replaced in its tree, and everything else (checks, runner,
expectations) is as it is for any other.
"""
