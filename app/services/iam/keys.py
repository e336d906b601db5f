"""Access keys of users and of root users. The secret is shown once, when the key is made."""

from __future__ import annotations

import base64

from app.crypto.material import Secret
from app.kernel import ids
from app.kernel.authority import Resource
from app.kernel.call import Call
from app.kernel.clock import moment
from app.kernel.draft import Draft
from app.kernel.log import EventEntry
from app.kernel.operation import Answer, operation
from app.services.iam import errors, shapes
from app.services.iam.naming import judged, names_a_user, new_unique_id, on, the
from app.services.iam.paging import PAGING, page, texts_after
from app.services.iam.records import AccessKey, User
from app.services.iam.rules import GLOBAL_REGION

KEYS_OF_A_USER_MAX = 2  # [D: QUO]
SECRET_LENGTH = 40

_OWNER_ERRORS = (errors.HOLDER_MISSING, errors.NOT_A_USER)


def _owner(draft: Draft, call: Call) -> tuple[str, str]:
    """(unique id, name) of the user whose keys are meant; a root user's name is empty."""
    if call["UserName"] is None and call.caller.kind == "root":
        return call.account, ""
    user = the(draft, call, User)
    return user.unique_id, user.name


def _key(draft: Draft, call: Call) -> AccessKey:
    """The key that the request names; refuses one of another user."""
    key = draft.get(AccessKey, call.account, "", call["AccessKeyId"])
    if key is None or key.user_id != _owner(draft, call)[0]:
        errors.KEY_MISSING.refuse(id=call["AccessKeyId"])
    draft.frame.touch(call.account, "AWS::IAM::AccessKey", key.id)
    return key


def _keys(draft: Draft, owner_id: str) -> list[AccessKey]:
    return list(draft.scan_index(AccessKey, "user", owner_id))


@operation(
    "iam",
    "CreateAccessKey",
    honours={"UserName"},
    checks=(names_a_user, *judged("iam:CreateAccessKey", on(User))),
    answers=(*_OWNER_ERRORS, errors.QUOTA),
)
def create_access_key(draft: Draft, call: Call) -> Answer:
    owner_id, name = _owner(draft, call)
    if len(_keys(draft, owner_id)) >= KEYS_OF_A_USER_MAX:
        errors.QUOTA.refuse(quota="AccessKeysPerUser", limit=KEYS_OF_A_USER_MAX)
    secret = base64.b64encode(draft.entropy.draw("secret access key"))[:SECRET_LENGTH]
    key = AccessKey(
        account=call.account,
        id=_new_key_id(draft, call),
        user_id=owner_id,
        secret=Secret(secret),
        created_ms=call.at_ms,
    )
    draft.put(key)
    draft.frame.touch(call.account, "AWS::IAM::AccessKey", key.id)
    shown = shapes.key(key, name)
    draft.frame.response = {"AccessKey": shown}
    return {"AccessKey": {**shown, "SecretAccessKey": secret.decode()}}


def _new_key_id(draft: Draft, call: Call) -> str:
    """Distinct between worlds of one seed too: the world's name is in it."""
    count = new_unique_id(draft, call, "AKIA")
    return ids.unique_id("AKIA", draft.world.digest("access-key", draft.world.name, count))


@operation(
    "iam",
    "ListAccessKeys",
    honours={"UserName", *PAGING},
    checks=(names_a_user, *judged("iam:ListAccessKeys", on(User))),
    answers=(*_OWNER_ERRORS, errors.BAD_MARKER),
    reads=True,
)
def list_access_keys(draft: Draft, call: Call) -> Answer:
    owner_id, name = _owner(draft, call)
    found = [(key.id, shapes.key(key, name)) for key in _keys(draft, owner_id)]
    return page(call, "AccessKeyMetadata", texts_after(found))


@operation(
    "iam",
    "UpdateAccessKey",
    honours={"UserName", "AccessKeyId", "Status"},
    checks=(names_a_user, *judged("iam:UpdateAccessKey", on(User))),
    answers=(*_OWNER_ERRORS, errors.KEY_MISSING),
)
def update_access_key(draft: Draft, call: Call) -> None:
    """Switch a key on or off."""
    draft.change(_key(draft, call), is_active=call["Status"] == "Active")


@operation(
    "iam",
    "DeleteAccessKey",
    honours={"UserName", "AccessKeyId"},
    checks=(names_a_user, *judged("iam:DeleteAccessKey", on(User))),
    answers=(*_OWNER_ERRORS, errors.KEY_MISSING),
)
def delete_access_key(draft: Draft, call: Call) -> None:
    draft.delete(_key(draft, call))


def _user_of_key(draft: Draft, call: Call) -> User | None:
    key = draft.get(AccessKey, call.account, "", call["AccessKeyId"])
    return draft.find(User, "unique-id", key.user_id) if key else None


def on_key(draft: Draft, call: Call) -> Resource:
    """The user who holds the key; `*` where there is none."""
    user = _user_of_key(draft, call)
    return Resource(user.arn if user else "*", call.account, user)


def _last_event(draft: Draft, key: AccessKey, region: str) -> EventEntry | None:
    events = draft.world.log.events(key.account, region, key.created_ms)
    return next((event for event in events if event.access_key_id == key.id), None)


@operation(
    "iam",
    "GetAccessKeyLastUsed",
    honours={"AccessKeyId"},
    checks=judged("iam:GetAccessKeyLastUsed", on_key),
    answers=(errors.KEY_MISSING,),
    reads=True,
)
def get_access_key_last_used(draft: Draft, call: Call) -> Answer:
    """When a key was last used, as the log of events knows it: calls in this Region and global ones only (inferred)."""
    key = draft.get(AccessKey, call.account, "", call["AccessKeyId"])
    if key is None:
        errors.KEY_MISSING.refuse(id=call["AccessKeyId"])
    found = (_last_event(draft, key, region) for region in {call.region, GLOBAL_REGION})
    last = max((event for event in found if event), key=lambda event: event.at_ms, default=None)
    used = {"ServiceName": "N/A", "Region": "N/A"}
    if last:
        service = last.source.partition(".")[0]
        used = {"LastUsedDate": moment(last.at_ms), "ServiceName": service, "Region": last.region}
    user = _user_of_key(draft, call)
    return {"UserName": user.name if user else "<root_account>", "AccessKeyLastUsed": used}
