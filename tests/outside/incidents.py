"""Incidents as people bring them: a CloudTrail record, the files they have, and what has to be found.

Each is a row: its name is the sentence. Records have the shapes of kms.md 9 and ebs.md 3; files those of ecosystem 7.2.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

OWNER, CALLER, MANAGER = "111122223333", "444455556666", "999988887777"
KEY_ID, OWN_ID = "1234abcd-12ab-34cd-56ef-1234567890ab", "99999999-12ab-34cd-56ef-1234567890ab"
REGION = "eu-west-1"
KEY = f"arn:aws:kms:{REGION}:{OWNER}:key/{KEY_ID}"
OWN_KEY = f"arn:aws:kms:{REGION}:{CALLER}:key/{OWN_ID}"
ROLE = f"arn:aws:iam::{CALLER}:role/importer"
SESSION = f"arn:aws:sts::{CALLER}:assumed-role/importer/nightly"
USER = f"arn:aws:iam::{CALLER}:user/ann"
SHARER = f"arn:aws:iam::{OWNER}:role/sharer"
INFRASTRUCTURE = f"arn:aws:sts::{CALLER}:assumed-role/aws:ec2-infrastructure/i-0c9d"
FRONT, EC2 = "ec2-frontend-api.amazonaws.com", f"ec2.{REGION}.amazonaws.com"
HIDDEN = (
    "because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based "
    "policy explicitly denies access"
)
SNAPSHOT = "snap-0f3a0f3a0f3a0f3a0"
KEY_FILE, OWN_FILE = f"{OWNER}/key-{KEY_ID}.json", f"{CALLER}/key-{OWN_ID}.json"
META_FILE, GRANTS_FILE = f"{OWNER}/key-{KEY_ID}.meta.json", f"{OWNER}/key-{KEY_ID}.grants.json"
ROLE_FILE, USER_FILE = f"{CALLER}/role-importer.json", f"{CALLER}/user-ann.json"
BOUNDARY_FILE, SESSION_FILE = f"{CALLER}/role-importer.boundary.json", f"{CALLER}/session-importer.json"
SHARES_FILE, TRUST_FILE = f"{OWNER}/snapshots.json", f"{OWNER}/role-sharer.trust.json"
ENDPOINT, ORG = "vpce-0a1b2c3d", "organization.json"
ENDPOINT_FILE = f"{CALLER}/endpoint-{ENDPOINT}.json"

NO, DENY, STATE, UNKNOWN, YES = (
    "ImplicitlyDenied",
    "ExplicitlyDenied",
    "NotAPolicyMatter",
    "Unknown",
    "Allowed",
)


@dataclass(frozen=True)
class Incident:
    """`unknown`: each stands in one of the answer's."""

    name: str
    event: Any
    files: Json
    decision: str
    cause: str | None
    kind: str
    file: str | None = None
    path: str | None = None
    unknown: tuple[str, ...] = ()


# Records.


def role(**more: Any) -> Json:
    issuer = {"type": "Role", "principalId": "AROAEXAMPLEROLEID1234", "arn": ROLE, "accountId": CALLER}
    attributes = {"creationDate": "2026-05-18T06:16:59Z", "mfaAuthenticated": "false"}
    return {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLEROLEID1234:nightly",
        "arn": SESSION,
        "accountId": CALLER,
        "sessionContext": {"sessionIssuer": issuer, "attributes": attributes},
        **more,
    }


def user(**more: Any) -> Json:
    return {"type": "IAMUser", "principalId": "AIDAEXAMPLEUSERID1234", "arn": USER, "accountId": CALLER, **more}


def record(name: str, who: Json, message: str = "", code: str = "AccessDenied", **more: Any) -> Json:
    by = who.get("invokedBy")
    return {
        "eventVersion": "1.11",
        "userIdentity": who,
        "eventTime": "2026-05-18T06:20:00Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": by or "198.51.100.7",
        "userAgent": by or "aws-cli/2.30",
        **({"errorCode": code, "errorMessage": message} if code else {}),
        "requestParameters": None,
        "responseElements": None,
        "requestID": "req-1",
        "eventID": f"event-{name}",
        "eventType": "AwsApiCall",
        "recipientAccountId": CALLER,
        "eventCategory": "Management",
        **more,
    }


def refused(who: str, action: str, where: str, why: str) -> str:
    return f"User: {who} is not authorized to perform: {action} {where} {why}"


def no(policy: str, action: str) -> str:
    return f"because no {policy} policy allows the {action} action"


def grant(why: str, **who: Any) -> Json:
    """EBS makes a grant with the role's credentials on another account's key."""
    words = refused(SESSION, "kms:CreateGrant", "on this resource", why)
    return record("CreateGrant", role(**(who or {"invokedBy": FRONT})), words)


def decrypt(why: str, **more: Any) -> Json:
    """A user decrypts under a key of its own account."""
    return record("Decrypt", user(), refused(USER, "kms:Decrypt", f"on resource: {OWN_KEY}", why), **more)


def ec2(name: str, parameters: Json, message: str = "", code: str = "") -> Json:
    body = record(name, role(), message, code, eventSource="ec2.amazonaws.com")
    return {**body, "requestParameters": parameters}


def assume(**parameters: str) -> Json:
    words = f"User: {USER} is not authorized to perform: sts:AssumeRole on resource: {SHARER}"
    asked = {"roleArn": SHARER, "roleSessionName": "x", **parameters}
    return record("AssumeRole", user(), words, eventSource="sts.amazonaws.com", requestParameters=asked)


HIDDEN_GRANT = grant(HIDDEN)
UNREASONED = decrypt("").copy() | {
    "errorMessage": f"User: {USER} is not authorized to perform: kms:Decrypt on resource: {OWN_KEY}"
}
UNSEEN = ("Snapshot does not exist", "Client.InvalidSnapshot.NotFound")
NOT_PERMITTED = "Client.OperationNotPermitted"
UNAUTHORIZED = (
    f"You are not authorized to perform this operation. User: {SESSION} is not authorized to perform: ec2:CreateVolume "
    f"on resource: arn:aws:ec2:{REGION}:{CALLER}:volume/* because no identity-based policy allows the ec2:CreateVolume "
    "action. Encoded authorization failure message: abc..."
)


# Policies and other files.


def policy(*statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any, resource: Any = "*", **more: Any) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> Json:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def root(account: str) -> Json:
    return {"AWS": f"arn:aws:iam::{account}:root"}


USE = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"]
SHARED = allow(USE, Sid="AllowTarget", Principal=root(CALLER))
EVERYTHING = policy(allow(["ec2:*", "kms:*", "sts:*"], Sid="Everything"))
DELEGATES = policy(allow("kms:*", Sid="Own", Principal=root(CALLER)))
KEYS = policy(allow("kms:*", Sid="Keys"))


def when(operator: str, **pairs: Any) -> Json:
    """`when("Bool", kms__GrantIsForAWSResource="true")`."""
    return {"Condition": {operator: {key.replace("__", ":"): value for key, value in pairs.items()}}}


def key_policy(*statements: Json) -> Json:
    return policy(allow("kms:*", Sid="OwnAccount", Principal=root(OWNER)), *statements)


def meta(state: str) -> Json:
    return {
        "KeyMetadata": {
            "AWSAccountId": OWNER,
            "KeyId": KEY_ID,
            "Arn": KEY,
            "Enabled": state == "Enabled",
            "KeyState": state,
        }
    }


def snapshots(*shared_with: str) -> Json:
    shown = {"SnapshotId": SNAPSHOT, "OwnerId": OWNER, "Encrypted": True, "KmsKeyId": KEY, "VolumeId": "vol-0aaaa"}
    return {"Snapshots": [{**shown, "CreateVolumePermissions": [{"UserId": one} for one in shared_with]}]}


def organization(*policies: Json) -> Json:
    types = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
    enabled = [{"Type": one, "Status": "ENABLED"} for one in types]
    parents = {CALLER: "ou-ab12-cdef", OWNER: "r-ab12", MANAGER: "r-ab12"}
    return {
        "Organization": {"Id": "o-abcdefghij", "MasterAccountId": MANAGER},
        "Roots": [{"Id": "r-ab12", "PolicyTypes": enabled}],
        "OrganizationalUnits": [{"Id": "ou-ab12-cdef", "ParentId": "r-ab12"}],
        "Accounts": [{"Id": id, "ParentId": parent} for id, parent in parents.items()],
        "Policies": list(policies),
    }


def attached(id: str, content: Any, *targets: str, type: str = "SERVICE_CONTROL_POLICY") -> Json:
    arn = f"arn:aws:organizations::{MANAGER}:policy/o-abcdefghij/{type.lower()}/{id}"
    summary = {"Id": id, "Arn": arn, "Type": type, "Name": id}
    return {"PolicySummary": summary, "Content": content, "Targets": [{"TargetId": one} for one in targets]}


FULL = attached("p-FullAWSAccess", policy(allow("*")), "r-ab12", "ou-ab12-cdef", CALLER, OWNER)


def grants(grantee: str, *operations: str, **constraints: Any) -> Json:
    body = {"KeyId": KEY, "GrantId": "a" * 64, "GranteePrincipal": grantee, "Operations": list(operations)}
    return {"Grants": [{**body, **({"Constraints": constraints} if constraints else {})}]}


SHARE = {KEY_FILE: key_policy(SHARED), ROLE_FILE: EVERYTHING}
OWN_USE = {OWN_FILE: DELEGATES, USER_FILE: KEYS}
SCP_DENIES, IDENTITY_DENIES = (
    f"with an explicit deny in {one} policy" for one in ("a service control", "an identity-based")
)
GRANT_SILENT = no("identity-based", "kms:CreateGrant")
DECRYPT_SILENT = no("identity-based", "kms:Decrypt")
BOUNDARY_SILENT = "because no permissions boundary allows the kms:CreateGrant action"

_A = Incident
THE_OWNER = (
    _A("the key policy does not name the caller's account", HIDDEN_GRANT,
       {KEY_FILE: key_policy(), ROLE_FILE: EVERYTHING}, NO, "KEY_POLICY_SILENT", "key-policy", KEY_FILE),
    _A("the key policy forgets CreateGrant", HIDDEN_GRANT,
       {KEY_FILE: key_policy(allow(["kms:Decrypt"], Principal=root(CALLER))), ROLE_FILE: EVERYTHING},
       NO, "KEY_POLICY_SILENT", "key-policy", KEY_FILE, "/Statement/1"),
    _A("the key policy asks for another service", HIDDEN_GRANT,
       {KEY_FILE: key_policy(SHARED | when("StringEquals", kms__ViaService=f"rds.{REGION}.amazonaws.com")),
        ROLE_FILE: EVERYTHING}, NO, "KEY_POLICY_CONDITION", "key-policy", KEY_FILE, "/Statement/1"),
    _A("the key policy denies the caller's account", HIDDEN_GRANT,
       {KEY_FILE: key_policy(SHARED, deny("kms:CreateGrant", Principal=root(CALLER))), ROLE_FILE: EVERYTHING},
       DENY, "KEY_POLICY_DENIES", "key-policy", KEY_FILE, "/Statement/2"),
    _A("the key policy names a role that was deleted and made again", HIDDEN_GRANT,
       {KEY_FILE: key_policy(allow(USE, Principal={"AWS": "AROADELETEDROLE123456"})), ROLE_FILE: EVERYTHING},
       NO, "KEY_POLICY_SILENT", "key-policy", KEY_FILE),
    _A("grants for AWS resources only, but the call is direct", grant(HIDDEN, type="AssumedRole"),
       {KEY_FILE: key_policy(SHARED | when("Bool", kms__GrantIsForAWSResource="true")), ROLE_FILE: EVERYTHING},
       NO, "KEY_POLICY_CONDITION", "key-policy", KEY_FILE, "/Statement/1"),
    _A("within the account the key policy does not delegate", decrypt(no("resource-based", "kms:Decrypt")),
       {OWN_FILE: policy(allow("kms:*", Principal={"AWS": f"arn:aws:iam::{CALLER}:user/admin"})), USER_FILE: KEYS},
       NO, "ACCOUNT_NOT_DELEGATED", "key-policy", OWN_FILE),
    _A("a key policy's deny within the account", decrypt("with an explicit deny in a resource-based policy"),
       {OWN_FILE: policy(allow("kms:*", Principal=root(CALLER)), deny("kms:Decrypt", Principal="*")), USER_FILE: KEYS},
       DENY, "KEY_POLICY_DENIES", "key-policy", OWN_FILE, "/Statement/1"),
    _A("the AWS managed key is called directly", decrypt(no("resource-based", "kms:Decrypt")),
       {OWN_FILE: policy(allow("kms:Decrypt", Principal={"AWS": "*"},
                               **when("StringEquals", kms__CallerAccount=CALLER, kms__ViaService=EC2))),
        USER_FILE: KEYS}, NO, "KEY_POLICY_CONDITION", "key-policy", OWN_FILE, "/Statement/0"),
    _A("another account can not be given DisableKey",
       record("DisableKey", role(), refused(SESSION, "kms:DisableKey", "on this resource", HIDDEN),
              requestParameters={"keyId": KEY}),
       {KEY_FILE: key_policy(allow("kms:*", Principal=root(CALLER))), ROLE_FILE: EVERYTHING},
       NO, "NEVER_ACROSS_ACCOUNTS", "unknown"),
)  # fmt: skip
THE_CALLER = (
    _A("the caller's role lacks CreateGrant", grant(GRANT_SILENT),
       {KEY_FILE: key_policy(SHARED), ROLE_FILE: policy(allow(["kms:Decrypt"], KEY))},
       NO, "IDENTITY_SILENT", "identity", ROLE_FILE, "/Statement/0"),
    _A("the caller's role allows it on another key", grant(GRANT_SILENT),
       {KEY_FILE: key_policy(SHARED), ROLE_FILE: {"keys": policy(allow(USE, OWN_KEY))}},
       NO, "IDENTITY_SILENT", "identity", ROLE_FILE, "/keys/Statement/0"),
    _A("a condition of the role's policy fails", grant(GRANT_SILENT),
       {KEY_FILE: key_policy(SHARED),
        ROLE_FILE: policy(allow(USE, **when("StringEquals", aws__RequestedRegion="us-east-1")))},
       NO, "IDENTITY_CONDITION", "identity", ROLE_FILE, "/Statement/0"),
    _A("the second of the role's policies denies", grant(IDENTITY_DENIES),
       {KEY_FILE: key_policy(SHARED), ROLE_FILE: {"all": EVERYTHING, "guard": policy(deny("kms:CreateGrant"))}},
       DENY, "IDENTITY_DENIES", "identity", ROLE_FILE, "/guard/Statement/0"),
    _A("a user without any policy", decrypt(DECRYPT_SILENT), {OWN_FILE: DELEGATES, USER_FILE: {}},
       NO, "IDENTITY_SILENT", "identity", USER_FILE),
    _A("the text names the identity policy, its file is missing", decrypt(DECRYPT_SILENT), {OWN_FILE: DELEGATES},
       NO, "IDENTITY_SILENT", "identity", None, None, (USER_FILE,)),
    _A("a deny that the given policies do not hold", grant(IDENTITY_DENIES), SHARE,
       DENY, "IDENTITY_DENIES", "identity", ROLE_FILE, None, ("not all",)),
    _A("a deny on the client's address does not spare EBS", grant(IDENTITY_DENIES),
       {KEY_FILE: key_policy(SHARED),
        ROLE_FILE: policy(allow("kms:*"), deny("*", **when("NotIpAddress", aws__SourceIp="198.51.100.0/24")))},
       DENY, "IDENTITY_DENIES", "identity", ROLE_FILE, "/Statement/1"),
    _A("the boundary leaves out kms", grant(BOUNDARY_SILENT), {**SHARE, BOUNDARY_FILE: policy(allow("ec2:*"))},
       NO, "BOUNDARY_SILENT", "boundary", BOUNDARY_FILE, "/Statement/0"),
    _A("the boundary denies", grant("with an explicit deny in a permissions boundary"),
       {**SHARE, BOUNDARY_FILE: policy(allow("*"), deny("kms:*"))},
       DENY, "BOUNDARY_DENIES", "boundary", BOUNDARY_FILE, "/Statement/1"),
    _A("the boundary's condition fails", grant(BOUNDARY_SILENT),
       {**SHARE, BOUNDARY_FILE: policy(allow("*", **when("Bool", aws__ViaAWSService="false")))},
       NO, "BOUNDARY_CONDITION", "boundary", BOUNDARY_FILE, "/Statement/0"),
    _A("the text names a boundary, its file is missing", grant(BOUNDARY_SILENT), SHARE,
       NO, "BOUNDARY_SILENT", "boundary", None, None, (BOUNDARY_FILE,)),
    _A("the session policy is too narrow", grant(no("session", "kms:CreateGrant")),
       {**SHARE, SESSION_FILE: policy(allow("ec2:*"))}, NO, "SESSION_SILENT", "session", SESSION_FILE, "/Statement/0"),
    _A("the session policy denies", grant("with an explicit deny in a session policy"),
       {**SHARE, SESSION_FILE: policy(allow("*"), deny("kms:CreateGrant"))},
       DENY, "SESSION_DENIES", "session", SESSION_FILE, "/Statement/1"),
    _A("the text names a session policy, its file is missing", grant("with an explicit deny in a session policy"),
       SHARE, DENY, "SESSION_DENIES", "session", None, None, (SESSION_FILE,)),
    _A("two layers refuse, and the text names the second", grant(GRANT_SILENT),
       {KEY_FILE: key_policy(SHARED), ROLE_FILE: policy(allow("ec2:*")), BOUNDARY_FILE: policy(allow("ec2:*"))},
       NO, "IDENTITY_SILENT", "identity", ROLE_FILE, "/Statement/0"),
)  # fmt: skip
ORGANIZATIONS = (
    _A("an SCP on the unit denies", grant(SCP_DENIES),
       {**SHARE, ORG: organization(FULL, attached("p-guard", policy(deny("kms:CreateGrant")), "ou-ab12-cdef"))},
       DENY, "SCP_DENIES", "scp", ORG, "/Policies/1/Content/Statement/0"),
    _A("a level of SCPs that only denies allows nothing", grant(no("service control", "kms:CreateGrant")),
       {**SHARE, ORG: organization(attached("p-FullAWSAccess", policy(allow("*")), "r-ab12", CALLER),
                                   attached("p-guard", policy(deny("s3:*")), "ou-ab12-cdef"))},
       NO, "SCP_SILENT", "scp", ORG, "/Policies/1/Content"),
    _A("an SCP as text of the describe command", grant(SCP_DENIES),
       {**SHARE, ORG: organization(FULL, attached("p-guard", json.dumps(policy(deny("kms:*"))), CALLER))},
       DENY, "SCP_DENIES", "scp", ORG, "/Policies/1/Content"),
    _A("the text names an SCP, there is no organization file", grant(SCP_DENIES), SHARE,
       DENY, "SCP_DENIES", "scp", None, None, (ORG,)),
    _A("an RCP above the key's account denies", HIDDEN_GRANT,
       {**SHARE, ORG: organization(FULL, attached(
           "p-wall", policy(deny("kms:*", Principal="*", **when("StringNotEquals", aws__PrincipalAccount=OWNER))),
           OWNER, type="RESOURCE_CONTROL_POLICY"))},
       DENY, "RCP_DENIES", "rcp", ORG, "/Policies/1/Content/Statement/0"),
    _A("the text names an RCP, there is no organization file",
       decrypt("with an explicit deny in a resource control policy"), OWN_USE,
       DENY, "RCP_DENIES", "rcp", None, None, (ORG,)),
    _A("an SCP does not bind the management account",
       record("Decrypt", user(accountId=MANAGER, arn=USER.replace(CALLER, MANAGER)),
              refused(USER.replace(CALLER, MANAGER), "kms:Decrypt",
                      f"on resource: {OWN_KEY.replace(CALLER, MANAGER)}", DECRYPT_SILENT)),
       {OWN_FILE.replace(CALLER, MANAGER): policy(allow("kms:*", Principal=root(MANAGER))),
        USER_FILE.replace(CALLER, MANAGER): policy(allow("s3:*")),
        ORG: organization(FULL, attached("p-guard", policy(deny("kms:*")), "r-ab12"))},
       NO, "IDENTITY_SILENT", "identity", USER_FILE.replace(CALLER, MANAGER)),
    _A("a condition on the organization, which no file tells",
       decrypt("with an explicit deny in a resource-based policy"),
       {OWN_FILE: policy(allow("kms:*", Principal=root(CALLER)),
                         deny("kms:*", Principal="*", **when("StringNotEquals", aws__PrincipalOrgID="o-abcdefghij"))),
        USER_FILE: KEYS}, DENY, "KEY_POLICY_DENIES", "key-policy", OWN_FILE, "/Statement/1", ("aws:PrincipalOrgID",)),
    _A("the VPC endpoint's policy leaves out Decrypt",
       decrypt(no("VPC endpoint", "kms:Decrypt"), vpcEndpointId=ENDPOINT, vpcEndpointAccountId=CALLER),
       {**OWN_USE, ENDPOINT_FILE: policy(allow("kms:Encrypt", Principal="*"))},
       NO, "ENDPOINT_SILENT", "endpoint", ENDPOINT_FILE, "/Statement/0"),
    _A("the text names an endpoint policy, its file is missing",
       decrypt(no("VPC endpoint", "kms:Decrypt"), vpcEndpointId=ENDPOINT, vpcEndpointAccountId=CALLER),
       OWN_USE, NO, "ENDPOINT_SILENT", "endpoint", None, None, (ENDPOINT_FILE,)),
)  # fmt: skip
GRANTS_AND_STATES = (
    _A("EC2 at attach has a grant for another volume",
       record("Decrypt", role(arn=INFRASTRUCTURE, invokedBy="AWS Internal"),
              refused(INFRASTRUCTURE, "kms:Decrypt", "on the resource associated with this ciphertext", HIDDEN),
              requestParameters={"encryptionContext": {"aws:ebs:id": "vol-1"}, "keyId": KEY}),
       {KEY_FILE: key_policy(),
        GRANTS_FILE: grants(INFRASTRUCTURE, "Decrypt", EncryptionContextSubset={"aws:ebs:id": "vol-2"})},
       NO, "GRANT_CONSTRAINT", "grant", GRANTS_FILE, "/Grants/0"),
    _A("the service holds a grant for another operation",
       record("Encrypt", {"type": "AWSService", "invokedBy": f"prod.kms-caller.ebs.{REGION}.amazonaws.com"},
              refused(EC2, "kms:Encrypt", "on this resource", HIDDEN), requestParameters={"keyId": KEY}),
       {KEY_FILE: key_policy(), GRANTS_FILE: grants(EC2, "Decrypt")},
       NO, "GRANT_LACKS_OPERATION", "grant", GRANTS_FILE, "/Grants/0"),
    _A("the key is disabled",
       record("CreateGrant", role(invokedBy=FRONT), f"{KEY} is disabled.", "DisabledException"),
       {**SHARE, META_FILE: meta("Disabled")},
       STATE, "KEY_DISABLED", "key-state", META_FILE, "/KeyMetadata/KeyState"),
    _A("the key is pending deletion",
       record("Decrypt", user(), f"{KEY} is pending deletion.", "KMSInvalidStateException"),
       {META_FILE: meta("PendingDeletion")},
       STATE, "KEY_PENDING_DELETION", "key-state", META_FILE, "/KeyMetadata/KeyState"),
    _A("the key awaits its material, and no file tells of it",
       record("Decrypt", user(), f"{KEY} is pending import.", "KMSInvalidStateException"), {},
       STATE, "KEY_PENDING_IMPORT", "key-state", None, None, (META_FILE,)),
    _A("the snapshot is not shared", ec2("CreateVolume", {"snapshotId": SNAPSHOT}, *UNSEEN),
       {SHARES_FILE: snapshots("333333333333")},
       STATE, "SNAPSHOT_NOT_SHARED", "sharing", SHARES_FILE, "/Snapshots/0/CreateVolumePermissions"),
    _A("the snapshot is nowhere", ec2("CreateVolume", {"snapshotId": SNAPSHOT}, *UNSEEN), {},
       STATE, "SNAPSHOT_NOT_FOUND", "sharing", None, None, (SNAPSHOT,)),
    _A("a snapshot under the default key is shared",
       ec2("ModifySnapshotAttribute",
           {"snapshotId": SNAPSHOT, "createVolumePermission": {"add": {"items": [{"userId": CALLER}]}}},
           "Encrypted snapshots with EBS default key cannot be shared", NOT_PERMITTED), {SHARES_FILE: snapshots()},
       STATE, "DEFAULT_KEY_CANNOT_BE_SHARED", "sharing", SHARES_FILE, "/Snapshots/0"),
    _A("an encrypted snapshot is made public",
       ec2("ModifySnapshotAttribute",
           {"snapshotId": SNAPSHOT, "createVolumePermission": {"add": {"items": [{"group": "all"}]}}},
           "Encrypted snapshots cannot be shared publicly.", NOT_PERMITTED), {SHARES_FILE: snapshots()},
       STATE, "ENCRYPTED_CANNOT_BE_PUBLIC", "sharing", SHARES_FILE, "/Snapshots/0"),
    _A("the session has expired",
       record("Decrypt", role(), "The security token included in the request is expired", "ExpiredTokenException"), {},
       STATE, "SESSION_EXPIRED", "unknown"),
)  # fmt: skip
FORWARDED = (
    _A("EC2 refuses by a policy of its own",
       ec2("CreateVolume", {"size": "1"}, UNAUTHORIZED, "Client.UnauthorizedOperation"),
       {ROLE_FILE: policy(allow("ec2:Describe*"))}, NO, "IDENTITY_SILENT", "identity", ROLE_FILE, "/Statement/0"),
    _A("the destination's key may not be described",
       ec2("CopySnapshot", {"sourceSnapshotId": SNAPSHOT, "masterEncryptionKeyId": OWN_KEY},
           f"Not authorized to use key {OWN_KEY} ", "Client.AuthFailure"),
       {OWN_FILE: DELEGATES, ROLE_FILE: policy(allow("ec2:*"), allow("kms:CreateGrant"))},
       NO, "IDENTITY_SILENT", "identity", ROLE_FILE),
    _A("a role does not trust the caller", assume(),
       {TRUST_FILE: policy({"Effect": "Allow", "Principal": root(OWNER), "Action": "sts:AssumeRole"}),
        USER_FILE: policy(allow("sts:*"))}, NO, "TRUST_SILENT", "trust", TRUST_FILE, "/Statement/0"),
    _A("the external id is another", assume(externalId="b"),
       {TRUST_FILE: policy({"Effect": "Allow", "Principal": root(CALLER), "Action": "sts:AssumeRole",
                            **when("StringEquals", sts__ExternalId="a")}),
        USER_FILE: policy(allow("sts:*"))}, NO, "TRUST_CONDITION", "trust", TRUST_FILE, "/Statement/0"),
    _A("the copy was answered, and its grant is refused",
       ec2("CopySnapshot", {"sourceSnapshotId": SNAPSHOT, "masterEncryptionKeyId": OWN_KEY}),
       {KEY_FILE: key_policy(allow(["kms:Decrypt"], Principal=root(CALLER))), OWN_FILE: DELEGATES,
        ROLE_FILE: EVERYTHING, SHARES_FILE: snapshots(CALLER)}, NO, "KEY_POLICY_SILENT", "key-policy", KEY_FILE),
    _A("the copy was answered, and its source is not shared", ec2("CopySnapshot", {"sourceSnapshotId": SNAPSHOT}),
       {**SHARE, SHARES_FILE: snapshots()}, STATE, "SNAPSHOT_NOT_SHARED", "sharing", SHARES_FILE),
    _A("the copy was answered, and the source's key is disabled", ec2("CopySnapshot", {"sourceSnapshotId": SNAPSHOT}),
       {**SHARE, SHARES_FILE: snapshots(CALLER), META_FILE: meta("Disabled")},
       STATE, "KEY_DISABLED", "key-state", META_FILE),
    _A("the volume was answered, and ReEncryptFrom is refused",
       ec2("CreateVolume", {"snapshotId": SNAPSHOT, "masterEncryptionKeyId": OWN_KEY}),
       {KEY_FILE: key_policy(SHARED), OWN_FILE: DELEGATES,
        ROLE_FILE: policy(allow("ec2:*"), allow(["kms:CreateGrant", "kms:GenerateDataKey*"])),
        SHARES_FILE: snapshots(CALLER)}, NO, "IDENTITY_SILENT", "identity", ROLE_FILE),
    _A("the key is told by the copy that asked for the grant",
       {"Records": [HIDDEN_GRANT, ec2("CopySnapshot", {"sourceSnapshotId": SNAPSHOT})]},
       {KEY_FILE: key_policy(), ROLE_FILE: EVERYTHING, SHARES_FILE: snapshots(CALLER),
        f"{OWNER}/key-{OWN_ID}.json": key_policy()}, NO, "KEY_POLICY_SILENT", "key-policy", KEY_FILE),
)  # fmt: skip
NOT_TOLD = (
    _A("the owner's side refused, its key policy is missing",
       HIDDEN_GRANT | {"resources": [{"ARN": KEY, "accountId": OWNER, "type": "AWS::KMS::Key"}]},
       {ROLE_FILE: EVERYTHING}, UNKNOWN, None, "unknown", None, None, (KEY_FILE,)),
    _A("neither key nor candidates are told", HIDDEN_GRANT, {ROLE_FILE: EVERYTHING},
       UNKNOWN, None, "unknown", None, None, ("does not name the key",)),
    _A("an old text gives no reason, and the identity policies are missing", UNREASONED, {OWN_FILE: DELEGATES},
       UNKNOWN, None, "unknown", None, None, (USER_FILE,)),
    _A("an old text gives no reason, and the files show one", UNREASONED,
       {OWN_FILE: DELEGATES, USER_FILE: policy(allow("kms:Encrypt"))},
       NO, "IDENTITY_SILENT", "identity", USER_FILE, "/Statement/0"),
    _A("the files allow what was denied, and no reason was given", UNREASONED, OWN_USE,
       YES, None, "key-policy", OWN_FILE, "/Statement/0"),
    _A("what depends on a tag that nobody tells", UNREASONED,
       {OWN_FILE: DELEGATES, USER_FILE: policy(allow("kms:*", **{"Condition": {
           "StringEquals": {"aws:PrincipalTag/team": "data"}}}))},
       NO, "IDENTITY_CONDITION", "identity", USER_FILE, "/Statement/0", ("aws:PrincipalTag/team",)),
    _A("a broken policy file is told with its place", decrypt(DECRYPT_SILENT),
       {OWN_FILE: DELEGATES, USER_FILE: '{ "Version": }'},
       NO, "IDENTITY_SILENT", "identity", None, None, (f"{USER_FILE}:1:",)),
    _A("a call that succeeded is allowed, and by what",
       record("Decrypt", user(), code="", requestParameters={"keyId": OWN_KEY}), OWN_USE,
       YES, None, "key-policy", OWN_FILE, "/Statement/0"),
    _A("an event as the lookup command prints it, a key policy as get-key-policy does",
       {"Events": [{"EventId": "x", "CloudTrailEvent": json.dumps(decrypt(DECRYPT_SILENT))}]},
       {OWN_FILE: {"Policy": json.dumps(DELEGATES), "PolicyName": "default"}, USER_FILE: policy(allow("s3:*"))},
       NO, "IDENTITY_SILENT", "identity", USER_FILE, "/Statement/0"),
    _A("the aliases of the key are told by their file", decrypt(DECRYPT_SILENT),
       {OWN_FILE: DELEGATES,
        f"{CALLER}/aliases.json": {"Aliases": [{"AliasName": "alias/app", "TargetKeyId": OWN_ID}]},
        USER_FILE: policy(allow("kms:*", **when("ForAnyValue:StringEquals", kms__ResourceAliases="alias/other")))},
       NO, "IDENTITY_CONDITION", "identity", USER_FILE, "/Statement/0"),
)  # fmt: skip
INCIDENTS: tuple[Incident, ...] = (*THE_OWNER, *THE_CALLER, *ORGANIZATIONS, *GRANTS_AND_STATES, *FORWARDED, *NOT_TOLD)
