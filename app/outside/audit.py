"""`reseal audit`: policies checked as Access Analyzer's ValidatePolicy checks them, and for the traps of keys.

A finding has AWS's members: findingType, issueCode, findingDetails, locations with path and span (line from 1, column
and offset from 0, as AWS counts them). The checks stand in audit_checks.py (any policy) and audit_traps.py (security,
and what key policies do that people do not expect); each is a generator over one document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from app.outside.audit_checks import CHECKS
from app.outside.audit_paper import ERROR, GRAVE, Issue, Sheet
from app.outside.audit_traps import TRAPS
from app.outside.papers import Paper, papers_in
from app.outside.reading import Source, Unreadable, member, text_at
from app.policy.document import DocumentKind
from app.policy.scan import Mark, Object, PolicySyntaxError, scan

KINDS: Final = {
    "identity": DocumentKind.IDENTITY,
    "key": DocumentKind.RESOURCE,
    "trust": DocumentKind.TRUST,
    "scp": DocumentKind.SCP,
    "rcp": DocumentKind.RCP,
    "boundary": DocumentKind.BOUNDARY,
    "session": DocumentKind.SESSION,
    "endpoint": DocumentKind.ENDPOINT,
}


@dataclass(frozen=True, slots=True)
class Finding:
    file: str
    issue: Issue
    line: int
    column: int  # from 1, as editors count
    start: Mapping[str, int]
    end: Mapping[str, int]
    path: str  # JSON pointer into the file

    @staticmethod
    def broken(error: Unreadable) -> Finding:
        issue = Issue(ERROR, "JSON_SYNTAX_ERROR", error.message, Mark(error.line, error.column, 0, 0, ""))
        at = {"line": error.line, "column": max(error.column - 1, 0), "offset": 0}
        return Finding(error.file, issue, error.line, error.column, at, at, "")

    def as_text(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.issue.type} {self.issue.code}: {self.issue.details}"

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "findingType": self.issue.type,
            "issueCode": self.issue.code,
            "findingDetails": self.issue.details,
            "learnMoreLink": _link(self.issue),
            "locations": [{"path": list(_path(self.path)), "span": {"start": self.start, "end": self.end}}],
        }


_GUIDE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html"


def _link(issue: Issue) -> str | None:
    """AWS's page, for the checks that are AWS's."""
    if issue.is_ours:
        return None
    type, code = (text.lower().replace("_", "-") for text in (issue.type, issue.code))
    return f"{_GUIDE}#access-analyzer-reference-policy-checks-{type}-{code}"


def _path(pointer: str) -> Iterator[dict[str, Any]]:
    """AWS's path elements: members by value, items of lists by index."""
    for step in pointer.split("/")[1:]:
        yield {"index": int(step)} if step.isdigit() else {"value": step.replace("~1", "/").replace("~0", "~")}


def is_grave(finding: Finding) -> bool:
    return finding.issue.type in GRAVE


def audited(source: Source, kind: str = "") -> list[Finding]:
    """All findings of a file, in the order of places. `kind`: of KINDS; else by the file's name and what it holds."""
    papers = papers_in(source)
    if not papers:
        return [_placed(source.file, _whole(source), Issue(ERROR, "MISSING_STATEMENT", "no policy stands here",
                                                           source.root.mark))]  # fmt: skip
    found = [one for paper in papers for one in _audited(paper, KINDS[kind] if kind else _kind(paper))]
    return sorted(found, key=lambda one: (one.start["offset"], one.issue.code))


def _audited(paper: Paper, kind: DocumentKind) -> list[Finding]:
    try:
        root = scan(paper.text)
    except PolicySyntaxError as error:
        issue = Issue(ERROR, "JSON_SYNTAX_ERROR", error.message, Mark(error.line, error.column, 0, 0, ""))
        return [_placed(paper.file, paper, issue)]
    if not isinstance(root, Object):
        return [_placed(paper.file, paper, Issue(ERROR, "MISSING_STATEMENT", "a policy is an object", root.mark))]
    sheet = Sheet(paper.text, kind, root)
    issues = dict.fromkeys(issue for check in (*CHECKS, *TRAPS) for issue in check(sheet))
    return [_placed(paper.file, paper, issue) for issue in issues]


def _placed(file: str, paper: Paper, issue: Issue) -> Finding:
    """An issue of a document that is text inside its file is placed at that text, and in it."""
    mark = issue.mark
    start = {"line": mark.line, "column": max(mark.column - 1, 0), "offset": mark.offset}
    before = paper.text[: mark.end]
    line = before.count("\n") + 1
    end = {"line": line, "column": mark.end - (before.rfind("\n") + 1), "offset": mark.end}
    if paper.is_embedded:
        file = paper.label
    return Finding(file, issue, mark.line, mark.column, start, end, paper.pointer_of(mark.pointer))


def _whole(source: Source) -> Paper:
    return Paper(source, "", source.text, source.root.mark, False)


_BY_ENDING: Final = (
    (".trust.json", DocumentKind.TRUST),
    (".boundary.json", DocumentKind.BOUNDARY),
)
_BY_BEGINNING: Final = (
    ("key-", DocumentKind.RESOURCE),
    ("session-", DocumentKind.SESSION),
    ("endpoint-", DocumentKind.ENDPOINT),
    ("user-", DocumentKind.IDENTITY),
    ("role-", DocumentKind.IDENTITY),
)


def _kind(paper: Paper) -> DocumentKind:
    """By the layout of ecosystem.md 7.2; elsewhere principals make it a key's, or a trust policy."""
    name = PurePath(paper.file).name
    for ending, kind in _BY_ENDING:
        if name.endswith(ending):
            return kind
    for beginning, kind in _BY_BEGINNING:
        if name.startswith(beginning):
            return kind
    if name == "organization.json":
        return DocumentKind.RCP if _is_rcp(paper) else DocumentKind.SCP
    if '"Principal"' not in paper.text and '"NotPrincipal"' not in paper.text:
        return DocumentKind.IDENTITY
    return DocumentKind.TRUST if "sts:AssumeRole" in paper.text else DocumentKind.RESOURCE


def _is_rcp(paper: Paper) -> bool:
    policies = member(paper.source.root, "Policies")
    nth = paper.mark.pointer.split("/")[2] if paper.mark.pointer.startswith("/Policies/") else ""
    node = getattr(policies, "items", ())[int(nth)] if nth.isdigit() else None
    holder = member(node, "Policy") or node
    return text_at(member(holder, "PolicySummary") or holder, "Type") == "RESOURCE_CONTROL_POLICY"
