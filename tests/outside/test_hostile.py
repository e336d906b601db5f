"""Files and events that are wrong, large or malicious: a clear word, never a traceback, nothing outside the folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.outside.answer import explained
from app.outside.folder import Folder
from app.outside.reading import Unreadable, read, source_of

from .incidents import DELEGATES, HIDDEN_GRANT, OWN_FILE, UNREASONED, USER_FILE, allow, policy, record, role, user
from .test_incidents import answered, laid_out


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "[]", "3", '{"Records": []}', '{"Records": [1]}', '{"Events": [{"CloudTrailEvent": "{"}]}',
        '{"a": NaN}', '{"a": 1, "a": 2}', '{"eventName": "X"}', '{"eventName": "X", "eventSource": "y"}', "[" * 100,
        '{"eventName": "\\ud800", "eventSource": "y", "userIdentity": {}}',
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused_with_its_file(text: str, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"event\.json"):
        explained(source_of(text, "event.json"), Folder(tmp_path))


@pytest.mark.parametrize(
    "body", [[], 1, "x", None, {"Statement": 3}, {"Statement": [{"Effect": "Allow"}]}, {"Grants": 7}]
)
def test_files_of_any_json_are_answered(body: object, tmp_path: Path) -> None:
    """Method: every file of the layout holds the same nonsense."""
    stems = (OWN_FILE, USER_FILE, OWN_FILE.replace(".json", ".meta.json"), OWN_FILE.replace(".json", ".grants.json"))
    account = OWN_FILE.partition("/")[0]
    files = dict.fromkeys((*stems, "organization.json", f"{account}/aliases.json", f"{account}/snapshots.json"), body)
    assert answered(tmp_path, UNREASONED, files).text


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "a/../../b", "x\n", "*", "\u0000"])
def test_a_name_of_the_event_never_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    arn = f"arn:aws:iam::444455556666:user/{name}"
    event = record("Decrypt", user(arn=arn), f"User: {arn} is not authorized to perform: kms:Decrypt")
    body = answered(tmp_path, event, {OWN_FILE: DELEGATES}).body
    assert not [one for one in body["looked_at"] if one["state"] == "read" and ".." in one["file"]]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "policies", {OWN_FILE: DELEGATES})
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(policy(allow("*"))))
    (tmp_path / "policies" / USER_FILE).symlink_to(secret)
    body = explained(source_of(json.dumps(UNREASONED), "event.json"), folder).body
    assert any(USER_FILE in one for one in body["unknown"])


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_bytes(b" " * (8 * 1024 * 1024 + 1))
    with pytest.raises(Unreadable, match="larger"):
        read(tmp_path / "event.json", "event.json")


def test_many_untold_keys_come_to_an_end(tmp_path: Path) -> None:
    """Forty keys that nothing tells, ten values each: 10 to the power of 40 worlds, so that to end is the proof."""
    statements = [allow("kms:*", Condition={"StringEquals": {f"aws:PrincipalTag/t{n}": [str(m) for m in range(9)]}})
                  for n in range(40)]  # fmt: skip
    body = answered(tmp_path, UNREASONED, {OWN_FILE: DELEGATES, USER_FILE: policy(*statements)}).body
    assert body["decision"] in ("ImplicitlyDenied", "Unknown")
    assert any("too many" in one for one in body["unknown"])


def test_a_message_made_to_be_slow_is_read(tmp_path: Path) -> None:
    """An expression that tries again from every `because` would not end here."""
    event = record("CreateGrant", role(), "User: x is not authorized to perform: " + "because no a " * 60_000)
    assert answered(tmp_path, event, {}).text


def test_an_event_says_who_is_meant_by_its_id(tmp_path: Path) -> None:
    """A file of several records: the last refusal, or the one that is asked for; others are not lost."""
    first = UNREASONED | {"eventID": "first", "requestID": "r1"}
    both = json.dumps({"Records": [first, HIDDEN_GRANT | {"eventID": "second", "eventTime": "2026-05-19T00:00:00Z"}]})
    folder = laid_out(tmp_path / "policies", {OWN_FILE: DELEGATES})
    assert explained(source_of(both, "e.json"), folder).body["call"] == "kms:CreateGrant"
    assert explained(source_of(both, "e.json"), folder, "first").body["call"] == "kms:Decrypt"
    with pytest.raises(Unreadable, match="holds no event third"):
        explained(source_of(both, "e.json"), folder, "third")
