"""The principals of a scenario, made through IAM as each account's root, and signed in.

A user gets its policies and an access key. A role gets a trust policy, its policies, and a session: of a user made for
that, who may do nothing but assume it. Nothing of this is part of the scenario's claim, and no secret is journaled: a
run that is taken up again repeats these calls with the same keys and is given the same answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from workflows.expressions import fill
from workflows.keyed import Keyed
from workflows.port import UNSIGNED, Credentials

if TYPE_CHECKING:
    from workflows.format import PrincipalSpec

IAM_REGION: Final = "us-east-1"
SESSION: Final = "reseal"
NOBODY: Final = "anonymous"  # as the log names who signs nothing
WRONG_SECRET: Final = "0" * 40  # as long as AWS's own
_EXISTS: Final = "EntityAlreadyExists"  # accepted where a port can not repeat: it may be from an earlier attempt


def arn(account_id: str, spec: PrincipalSpec) -> str:
    """The ARN of a principal as IAM knows it; nobody has none."""
    if spec.credentials == "none":
        return NOBODY
    assert spec.signed_in_by is None, "its ARN follows from the step that signs it in"
    kind, name = ("user", spec.user) if spec.user else ("role", spec.role)
    return f"arn:aws:iam::{account_id}:{kind}{spec.path}{name}"


def callers(account_id: str, spec: PrincipalSpec) -> tuple[str, ...]:
    """The ARNs under which it shows up as a caller; a session's has no path."""
    session = f"arn:aws:sts::{account_id}:assumed-role/{spec.role}/"
    return (arn(account_id, spec), session)


class Maker:
    """Makes principals in one account. `scope` fills the references in their policies; `files` name the policies."""

    def __init__(self, hand: Keyed, account: str, scope: Mapping[str, Any], files: Mapping[str, str]) -> None:
        self._hand, self._root, self._account = hand, f"{account}/root", account
        self._scope, self._files = scope, files
        self._accept = "" if hand.port.can.repeat else _EXISTS

    def make(self, name: str, spec: PrincipalSpec) -> None:
        """Make one and sign it in; PortFailed where IAM refuses."""
        self._hand.port.sign_in(name, self._credentials(spec))

    def _credentials(self, spec: PrincipalSpec) -> Credentials:
        if spec.credentials == "none":
            return UNSIGNED
        own = self._user(spec) if spec.user else self._role(spec)
        if spec.endpoint is not None:
            own = replace(own, endpoint=self._text(spec.endpoint))
        return replace(own, secret=WRONG_SECRET) if spec.credentials == "wrong-secret" else own

    def _user(self, spec: PrincipalSpec) -> Credentials:
        self._iam("CreateUser", {"UserName": spec.user, "Path": spec.path}, self._accept)
        for name, document in self._policies(spec):
            self._iam("PutUserPolicy", {"UserName": spec.user, "PolicyName": name, "PolicyDocument": document})
        self._bound("PutUserPermissionsBoundary", {"UserName": spec.user}, f"{spec.user}-boundary", spec)
        return self._access_key(str(spec.user))

    def _role(self, spec: PrincipalSpec) -> Credentials:
        trust = self._text(spec.trust) if spec.trust is not None else self._own_account()
        made = {"RoleName": spec.role, "Path": spec.path, "AssumeRolePolicyDocument": trust}
        self._iam("CreateRole", made, self._accept)
        for name, document in self._policies(spec):
            self._iam("PutRolePolicy", {"RoleName": spec.role, "PolicyName": name, "PolicyDocument": document})
        self._bound("PutRolePermissionsBoundary", {"RoleName": spec.role}, f"{spec.role}-boundary", spec)
        return self._session(spec)

    def _session(self, spec: PrincipalSpec) -> Credentials:
        login = f"{spec.role}-login"
        self._iam("CreateUser", {"UserName": login}, self._accept)
        allowed = _document([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}])
        self._iam("PutUserPolicy", {"UserName": login, "PolicyName": "login", "PolicyDocument": allowed})
        signed_in = f"{self._account}/{login}"
        self._hand.port.sign_in(signed_in, self._access_key(login))
        account_id = self._scope["accounts"][self._account]
        parameters = {"RoleArn": arn(account_id, spec), "RoleSessionName": SESSION}
        if spec.session_policy is not None:
            parameters["Policy"] = self._text(spec.session_policy)
        got = self._hand.must(signed_in, "sts:AssumeRole", parameters).value["Credentials"]
        return Credentials(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])

    def _access_key(self, user: str) -> Credentials:
        got = self._iam("CreateAccessKey", {"UserName": user})["AccessKey"]
        return Credentials(got["AccessKeyId"], got["SecretAccessKey"])

    def _bound(self, operation: str, who: dict[str, Any], name: str, spec: PrincipalSpec) -> None:
        """A permissions boundary is a managed policy, so it is made one."""
        if spec.boundary is None:
            return
        self._iam("CreatePolicy", {"PolicyName": name, "PolicyDocument": self._text(spec.boundary)}, self._accept)
        policy = f"arn:aws:iam::{self._scope['accounts'][self._account]}:policy/{name}"
        self._iam(operation, who | {"PermissionsBoundary": policy})

    def _iam(self, name: str, parameters: Mapping[str, Any], accept: str = "") -> Mapping[str, Any]:
        return self._hand.must(self._root, f"iam:{name}", parameters, accept).value

    def _policies(self, spec: PrincipalSpec) -> Iterator[tuple[str, str]]:
        """Inline policies: (name, text). A file's policy has the file's name."""
        for index, document in enumerate(spec.policies, 1):
            file = self._files.get(document) if isinstance(document, str) else None
            yield (PurePath(file).stem if file else f"inline-{index}"), self._text(document)

    def _text(self, document: Any) -> str:
        filled = fill(document, self._scope)
        return filled if isinstance(filled, str) else json.dumps(filled)

    def _own_account(self) -> str:
        principal = {"AWS": f"arn:aws:iam::{self._scope['accounts'][self._account]}:root"}
        return _document([{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}])


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
