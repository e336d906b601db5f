"""The files of a scenario: itself, what it extends and uses, and the policies that it names.

A `Shelf` reads each file once. Closed, it has only the texts that it was given: so a worker on another machine reads
what the one that began the sweep has read, and a file that changes meanwhile changes nothing. `Files` are a shelf as
one scenario sees it, with a cell's values in the place of references to the matrix.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from os.path import normpath
from pathlib import Path
from typing import Final

from workflows.expressions import PATTERN
from workflows.matrix import Filler, Values, still
from workflows.sources import CanNotRead, Disk, Source
from workflows.yaml_marks import InvalidFile, Mark, Mistake, Node, read

SWEEP_KEYS: Final = ("strategy", "verdicts")  # of the file, not of the scenarios that it stands for


def beside(file: str, name: str) -> str:
    """The path of a file that `file` names; `file://` as the `aws` CLI writes it, relative to the naming file."""
    return normpath(Path(file).parent / name.removeprefix("file://"))


class Shelf:
    """Texts and trees by path. `source`: where files are read, else the disk; `texts`: no file at all, but these."""

    def __init__(self, source: Source | None = None, texts: Mapping[str, str] | None = None) -> None:
        self._source: Source = source or Disk()
        self._closed = texts is not None
        self.texts: dict[str, str] = dict(texts or {})
        self._trees: dict[str, tuple[Node, set[int]]] = {}

    def text(self, path: str, mark: Mark | None = None) -> str:
        """The text of a file; `mark` is where it is named."""
        if path not in self.texts:
            self.texts[path] = self._read(path, mark or Mark(path, 1, 1))
        return self.texts[path]

    def tree(self, path: str, mark: Mark | None = None) -> Node:
        return self._tree(path, mark)[0]

    def filled(self, path: str, mark: Mark | None, filler: Filler) -> Node:
        """A tree with a cell's values in it, less what makes a file a sweep."""
        tree, same = self._tree(path, mark)
        if isinstance(tree.value, dict) and any(key in tree.value for key in SWEEP_KEYS):
            kept = {key: node for key, node in tree.value.items() if key not in SWEEP_KEYS}
            tree = Node(kept, tree.mark, {key: tree.keys[key] for key in kept})
        return filler.tree(tree, same)

    def _tree(self, path: str, mark: Mark | None) -> tuple[Node, set[int]]:
        if path not in self._trees:
            tree = read(self.text(path, mark), path)
            self._trees[path] = tree, still(tree)
        return self._trees[path]

    def _read(self, path: str, mark: Mark) -> str:
        if self._closed:
            raise InvalidFile(Mistake(mark, f"can not read {path}: it is not among the files that were handed over"))
        try:
            return self._source.read(path).decode()
        except CanNotRead as error:
            raise InvalidFile(Mistake(mark, str(error))) from None
        except UnicodeDecodeError:
            raise InvalidFile(Mistake(mark, f"{path} is not UTF-8")) from None


class Files:
    """What one scenario reads; `contents`: text of a policy that it names -> its path."""

    def __init__(self, shelf: Shelf, values: Values | None = None) -> None:
        self._shelf = shelf
        self.filler = Filler(values)
        self.contents: dict[str, str] = {}

    def tree(self, path: str, mark: Mark | None = None) -> Node:
        """A YAML file as this scenario has it."""
        return self._shelf.filled(path, mark, self.filler)

    def policy(self, node: Node, name: str) -> Node:
        """A policy file's text in the place of its name; its JSON is checked, with references standing for text."""
        path = beside(node.mark.file, name)
        text = self.filler.json(self._shelf.text(path, node.mark), path)
        try:
            json.loads(PATTERN.sub(lambda found: "x" * len(found[0]), text))
        except json.JSONDecodeError as error:
            raise InvalidFile(Mistake(Mark(path, error.lineno, error.colno), f"not JSON: {error.msg}")) from None
        self.contents[text] = path
        return replace(node, value=text)
