"""From scanned JSON to statements, by the grammar of the document's kind.

A strict reader refuses what AWS refuses at save; a lenient one takes it and goes on. What it then can not understand
stays in the statement as an `UnfitElement`, so that no Deny is lost in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from app.policy.conditions import NO_KEY, Comparison, SetOperator, comparison, condition
from app.policy.grammar import Grammar, Presence
from app.policy.match import ACTION, action_test, resource_test
from app.policy.principals import EVERYONE, is_aws_principal, is_canonical_id, is_service, listed_name
from app.policy.scan import Array, Fault, Mark, Member, Node, Object, PolicySyntaxError, Scalar
from app.policy.statement import ActionElement, Element, PrincipalElement, ResourceElement, Statement, UnfitElement
from app.policy.trace import Effect, Why
from app.policy.variables import Template, is_fixed, no_value, render, template

_PLAIN_SID: Final = re.compile(r"[A-Za-z0-9]*")
_RESOURCE: Final = re.compile(r"\*|arn:.*", re.DOTALL)
_OVERLY_PERMISSIVE: Final = (  # [D: kms.md 5]
    "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches "
    "requests without the specified [encryption context or tag] or with an unspecified [encryption context or tag]. "
    "To fix, remove ForAllValues."
)
_LACKS: Final = {"Principal": Fault.NO_PRINCIPAL, "Action": Fault.NO_ACTION, "Resource": Fault.NO_RESOURCE}
_ELEMENTS: Final = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
)  # fmt: skip


def refusal(message: str, mark: Mark, fault: Fault = Fault.SYNTAX, about: str = "") -> PolicySyntaxError:
    return PolicySyntaxError(message, mark.line, mark.column, fault, about)


def text_of(node: Node, what: str) -> str:
    if isinstance(node, Scalar) and isinstance(node.value, str) and not node.is_number:
        return node.value
    raise refusal(f"{what} must be a text", node.mark)


def items_of(node: Node) -> tuple[Node, ...]:
    """The values of a list, which may be empty (inferred.py, EMPTY_LISTS); without brackets a list of one."""
    return node.items if isinstance(node, Array) else (node,)


def object_of(node: Node, what: str) -> Object:
    if isinstance(node, Object):
        return node
    raise refusal(f"{what} must be an object", node.mark)


@dataclass(frozen=True, slots=True)
class Reader:
    grammar: Grammar
    variables: bool  # does the document's version have policy variables
    lenient: bool

    def complain(self, message: str, mark: Mark, fault: Fault = Fault.SYNTAX, about: str = "") -> None:
        """Refuse, if strict."""
        if not self.lenient:
            raise refusal(message, mark, fault, about)

    def statements(self, node: Node) -> tuple[Statement, ...]:
        statements = tuple(self._statement(index, item) for index, item in enumerate(items_of(node)))
        if self.grammar.plain_sids:
            self._check_unique_sids(statements)
        return statements

    def _check_unique_sids(self, statements: tuple[Statement, ...]) -> None:
        seen = set[str]()
        for statement in statements:
            if statement.sid and statement.sid in seen:
                self.complain(f"the Sid {statement.sid!r} stands in two statements", statement.mark, Fault.SID_TWICE)
            seen.add(statement.sid)

    def _statement(self, index: int, node: Node) -> Statement:
        body = object_of(node, "a statement")
        members = {member.name: member for member in body.members}
        effect = self._effect(members.get("Effect"), body.mark)
        principal, unfit_principal = self._principal(members, effect, body.mark)
        action = self._action(members, body.mark)
        others = (
            *unfit_principal,
            *(() if action else (UnfitElement("Action", Why.ELEMENT_MISSING, body.mark),)),
            *self._resource(members, body.mark),
            *self._conditions(members.get("Condition")),
            *self._unknown(body.members),
        )
        return Statement(index, self._sid(members.get("Sid")), effect, principal, action, others, body.mark)

    def _unknown(self, members: Iterable[Member]) -> Iterator[Element]:
        for member in members:
            if member.name not in _ELEMENTS:
                self.complain(f"a statement has no element {member.name!r}", member.name_mark)
                yield UnfitElement(member.name, Why.NO_SUCH_ELEMENT, member.name_mark)

    def _sid(self, member: Member | None) -> str:
        if member is None:
            return ""
        sid = text_of(member.value, "Sid")
        if self.grammar.plain_sids and not _PLAIN_SID.fullmatch(sid):
            self.complain("a Sid holds letters and digits only", member.value.mark, Fault.SID_FORM)
        return sid

    def _effect(self, member: Member | None, mark: Mark) -> Effect:
        if member is None:
            raise refusal("the statement lacks Effect", mark)
        effect = text_of(member.value, "Effect")
        if effect not in ("Allow", "Deny"):
            raise refusal(f"Effect is Allow or Deny, not {effect!r}", member.value.mark)
        if effect not in self.grammar.effects:
            self.complain("a policy of this kind can only Deny", member.value.mark)
        return Effect(effect)

    def _choice(self, members: dict[str, Member], name: str, presence: Presence, mark: Mark) -> Member | None:
        """The element or its Not form, by the grammar; None where a missing one is accepted."""
        found = [members[one] for one in (name, f"Not{name}") if one in members]
        if len(found) > 1:
            raise refusal(f"{name} and Not{name} exclude one another", found[1].name_mark)
        if found and presence is Presence.FORBIDDEN:
            self.complain(f"a policy of this kind has no {found[0].name}", found[0].name_mark)
        lacks = not found or (name != "Principal" and not items_of(found[0].value))
        if lacks and presence is Presence.REQUIRED:
            self.complain(f"the statement lacks {name}", mark, _LACKS[name])
        return found[0] if found else None

    # Action and Resource.

    def _action(self, members: dict[str, Member], mark: Mark) -> ActionElement | None:
        member = self._choice(members, "Action", self.grammar.action, mark)
        if member is None:
            return None
        if member.name == "NotAction" and not self.grammar.not_action:
            self.complain("a policy of this kind has no NotAction", member.name_mark)
        patterns = tuple(self._action_name(item, member.name) for item in items_of(member.value))
        tests = tuple(action_test(pattern) for pattern in patterns)
        return ActionElement(member.name == "NotAction", patterns, tests, member.value.mark)

    def _action_name(self, node: Node, what: str) -> str:
        name = text_of(node, what)
        if name != EVERYONE and not ACTION.fullmatch(name):
            fault = Fault.SYNTAX if ":" in name else Fault.NO_VENDOR
            self.complain(f"an action is '*' or service:Name, not {name!r}", node.mark, fault)
        if name == EVERYONE and self.grammar.everyone_only:
            self.complain("a policy of this kind names services in its actions, not '*' alone", node.mark)
        return name

    def _resource(self, members: dict[str, Member], mark: Mark) -> tuple[Element, ...]:
        presence = self.grammar.resource
        member = self._choice(members, "Resource", presence, mark)
        if member is None:
            return () if presence is Presence.FORBIDDEN else (UnfitElement("Resource", Why.ELEMENT_MISSING, mark),)
        patterns = tuple(self._resource_pattern(item, member.name) for item in items_of(member.value))
        templates = tuple(self._resource_template(pattern) for pattern in patterns)
        fixed = None
        if all(map(is_fixed, templates)):
            fixed = tuple(resource_test(render(one, no_value) or ("",)) for one in templates)
        return (ResourceElement(member.name == "NotResource", patterns, templates, fixed, member.value.mark),)

    def _resource_pattern(self, node: Node, what: str) -> str:
        pattern = text_of(node, what)
        if self.grammar.resource is Presence.REQUIRED and not _RESOURCE.fullmatch(pattern):
            self.complain(f"a resource is '*' or an ARN, not {pattern!r}", node.mark, Fault.NO_ARN, pattern)
        return pattern

    def _resource_template(self, pattern: str) -> Template:
        """Variables count after the fifth colon only."""
        head, colon, tail = _cut_after_colons(pattern, 5)
        return (head + colon, *template(tail, variables=self.variables)) if colon else (pattern,)

    # Principal.

    def _principal(
        self, members: dict[str, Member], effect: Effect, mark: Mark
    ) -> tuple[PrincipalElement | None, tuple[UnfitElement, ...]]:
        """The element, or what stands in its place where its kinds of principal are unknown."""
        member = self._choice(members, "Principal", self.grammar.principal, mark)
        if member is None:
            return None, ()
        is_not = member.name == "NotPrincipal"
        if is_not and not self.grammar.not_principal:
            self.complain("a policy of this kind has no NotPrincipal", member.name_mark)
        unfit = tuple(self._unfit_principals(member.value))
        written = tuple(self._entries(member.value))
        if self.grammar.everyone_only and set(written) != {("AWS", EVERYONE)}:
            self.complain("the Principal of a policy of this kind is '*'", member.value.mark)
        if unfit:
            return None, unfit
        entries = frozenset(listed_name(kind, text) for kind, text in written)
        return PrincipalElement(is_not, written, entries, effect is Effect.DENY, member.value.mark), ()

    def _unfit_principals(self, node: Node) -> Iterator[UnfitElement]:
        for member in node.members if isinstance(node, Object) else ():
            if member.name not in _PRINCIPAL_CHECKS:
                self.complain(f"reseal knows no principals of the kind {member.name!r}", member.name_mark)
                yield UnfitElement("Principal", Why.NOT_A_PRINCIPAL, member.name_mark, operator=member.name)

    def _entries(self, node: Node) -> Iterator[tuple[str, str]]:
        """(kind, text) of each principal listed."""
        if not isinstance(node, Object):
            if text_of(node, "Principal") != EVERYONE:
                raise refusal("a Principal is '*' or an object", node.mark)
            yield "AWS", EVERYONE
            return
        for member in node.members:
            for item in items_of(member.value):
                text = text_of(item, "a principal")
                check = _PRINCIPAL_CHECKS.get(member.name)
                if check and not check(text):
                    what = f"{text!r} is no principal that can stand under {member.name!r}"
                    self.complain(what, item.mark, Fault.INVALID_PRINCIPAL)
                yield member.name, text

    # Condition.

    def _conditions(self, member: Member | None) -> Iterator[Element]:
        if member is None:
            return
        for block in object_of(member.value, "Condition").members:
            how = comparison(block.name)
            if how is None:
                self.complain(f"there is no condition operator {block.name!r}", block.name_mark)
                yield UnfitElement("Condition", Why.NO_SUCH_OPERATOR, block.name_mark, operator=block.name)
                continue
            for entry in object_of(block.value, f"the value of {block.name}").members:
                self._check_key(how, entry)
                values = tuple(_value(item) for item in items_of(entry.value))
                found = condition(how, entry.name, values, variables=self.variables, mark=entry.name_mark)
                yield replace(found, lookup=NO_KEY) if found.lookup in self.grammar.unseen_keys else found

    def _check_key(self, how: Comparison, entry: Member) -> None:
        if ":" not in entry.name:
            self.complain(f"a condition key is service:name, not {entry.name!r}", entry.name_mark)
        if how.set_operator is SetOperator.ALL and entry.name.lower().startswith(self.grammar.never_for_all_values):
            self.complain(_OVERLY_PERMISSIVE, entry.name_mark)


def _value(node: Node) -> str:
    """A value of a condition as text: bare numbers and booleans are accepted."""
    if isinstance(node, Scalar) and node.value is not None:
        return node.text
    raise refusal("a condition's value is a text, a number, true or false", node.mark)


def _cut_after_colons(text: str, count: int) -> tuple[str, str, str]:
    """The text before its n-th colon, the colon, the rest; no colon where there are fewer."""
    head, *tail = text.split(":", count)
    if len(tail) < count:
        return text, "", ""
    return ":".join((head, *tail[:-1])), ":", tail[-1]


def _is_provider(text: str) -> bool:
    return bool(text) and "*" not in text


_PRINCIPAL_CHECKS: Final = {
    "AWS": is_aws_principal,
    "Service": is_service,
    "Federated": _is_provider,
    "CanonicalUser": is_canonical_id,
}
