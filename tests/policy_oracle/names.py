"""The few accounts, callers, resources and condition keys that random questions are made of: few, so that they meet."""

from __future__ import annotations

from dataclasses import dataclass

from .plain import Caller

HERE, THERE = "111111111111", "222222222222"
ACCOUNTS = (HERE, THERE)
LINKED_ROLE = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
SERVICE = "ec2.amazonaws.com"


def _caller(kind: str, account: str, arn: str, unique_id: str, issuer_arn: str = "", issuer_id: str = "") -> Caller:
    return {
        "kind": kind,
        "account": account,
        "arn": arn,
        "unique_id": unique_id,
        "issuer_arn": issuer_arn,
        "issuer_id": issuer_id,
        "is_service_linked": ":role/aws-service-role/" in issuer_arn,
    }


def user(account: str, name: str = "dev/ada") -> Caller:
    return _caller("user", account, f"arn:aws:iam::{account}:user/{name}", f"AIDA{name[-3:].upper()}{account}")


def session(account: str, role: str = "team/reader", name: str = "s1") -> Caller:
    last = role.rpartition("/")[2]
    role_id = f"AROA{last[-3:].upper()}{account}"
    arn = f"arn:aws:sts::{account}:assumed-role/{last}/{name}"
    return _caller("role-session", account, arn, f"{role_id}:{name}", f"arn:aws:iam::{account}:role/{role}", role_id)


def federated(account: str) -> Caller:
    arn, ada = f"arn:aws:sts::{account}:federated-user/eve", user(account)
    return _caller("federated-user", account, arn, f"{account}:eve", ada["arn"], ada["unique_id"])


def root(account: str) -> Caller:
    return _caller("root", account, f"arn:aws:iam::{account}:root", account)


CALLERS: tuple[Caller, ...] = (
    *(one for account in ACCOUNTS for one in (user(account), session(account), session(account, name="s2"))),
    *(one for account in ACCOUNTS for one in (user(account, "bob"), session(account, "writer"), federated(account))),
    *(one for account in ACCOUNTS for one in (root(account), session(account, LINKED_ROLE))),
    _caller("service", "", SERVICE, ""),
    _caller("anonymous", "", "", ""),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule is asked about: actions and resources that belong together."""

    rule: str
    actions: tuple[str, ...]
    action_patterns: tuple[str, ...]
    resources: tuple[str, ...]  # {owner} stands for the owner's account
    resource_patterns: tuple[str, ...]


KEY = "arn:aws:kms:us-east-1:{owner}:key/"
SUBJECTS = (
    Subject(
        "kms-key",
        ("kms:Decrypt", "kms:CreateGrant", "kms:DescribeKey", "kms:PutKeyPolicy", "kms:ReEncryptFrom"),
        ("kms:*", "*", "KMS:decrypt", "kms:De*", "kms:?e*", "kms:CreateGrant", "kms:Put*", "kms:ReEncrypt*", "ec2:*"),
        (KEY + "red", KEY + "blue"),
        ("*", KEY + "*", KEY + "red", "arn:aws:kms:*:*:key/*", KEY + "${aws:PrincipalTag/team}", KEY + "?ed"),
    ),
    Subject(
        "plain",
        ("s3:GetObject", "s3:PutObject", "s3:GetObjectTagging"),
        ("s3:*", "*", "s3:getobject", "s3:Get*", "s3:???Object", "S3:PutObject", "kms:*"),
        ("arn:aws:s3:::bucket/red/a", "arn:aws:s3:::bucket/ada/b:c"),
        (
            *("*", "arn:aws:s3:::bucket/*", "arn:aws:s3:::*/${aws:username, 'red'}/*", "arn:aws:s3:::bucket/${*}/*"),
            *("arn:aws:s3:*:*:bucket/?e*", "arn:aws:s3:::bucket/${aws:PrincipalTag/team}/a", "arn:aws:s3:::Bucket/*"),
            *("arn:aws:s3:*", "arn:aws:s3", "arn:*:bucket/${aws:username}/*", "arn:aws:s3:::bucket/ada/b:?"),
        ),
    ),
    Subject(
        "none",
        ("ec2:CreateSnapshot", "ec2:CopySnapshot", "ec2:DescribeSnapshots"),
        ("ec2:*", "*", "ec2:c*snapshot", "EC2:CopySnapshot", "ec2:Describe*", "kms:*"),
        ("arn:aws:ec2:us-east-1:{owner}:volume/vol-1", "arn:aws:ec2:us-east-1::snapshot/snap-1", "*"),
        (
            *("*", "arn:aws:ec2:*:*:*", "arn:aws:ec2:us-east-1::snapshot/*", "arn:aws:ec2:us-east-1:{owner}:volume/*"),
            *("arn:aws:ec2:*:?*:snapshot/snap-1", "arn:aws:ec2:us-east-1:${aws:PrincipalAccount}:volume/*"),
        ),
    ),
    Subject(
        "trust",
        ("sts:AssumeRole", "sts:TagSession"),
        ("sts:AssumeRole", "sts:*", "*", "sts:assume*", "sts:TagSession", "kms:*"),
        ("arn:aws:iam::{owner}:role/team/reader", "arn:aws:iam::{owner}:role/red"),
        ("*", "arn:aws:iam::*:role/*", "arn:aws:iam::{owner}:role/${aws:PrincipalTag/team}", "arn:aws:iam::*:role/red"),
    ),
    Subject(
        "retire",
        ("kms:RetireGrant",),
        ("kms:*", "*", "kms:RetireGrant", "kms:retire*", "kms:Decrypt"),
        (KEY + "red", KEY + "blue"),
        ("*", KEY + "*", KEY + "red"),
    ),
)

GRANT_OPERATIONS = ("Decrypt", "CreateGrant", "DescribeKey", "ReEncryptFrom", "RetireGrant")

ARNS = (
    *("arn:aws:iam::111111111111:role/team/reader", "arn:aws:iam::222222222222:user/dev/ada", "arn:aws:s3:::bucket"),
    *("arn:aws:ec2:us-east-1:111111111111:volume/vol-1", "red", ""),
)
TEXTS = ("red", "blue", "Red", "", "re*", "re*", "ada", "r\ned", "r\ned", "a:d", "${*}")
MANY = ([], ["red"], ["red", "blue"], ["Red", "blue", "ada"])
BOOLS = ("true", "false", "True", "maybe")
NUMBERS = ("0", "7", "7.0", "3600", "-1", "+7", "seven", "7e0", "nan", "")
DATES = ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2025-12-31T23:59:59.500Z", "1767225600", "2026-06", "x")
DATES += ("2026", "2026-01-01", "2026-01-01T00:00Z", "1767225600.5", "2026-13-01", "2025-12-31T23:59:59.500-00:00")
ADDRESSES = ("10.0.0.7", "10.1.2.3", "192.168.1.1", "2001:db8::1", "::ffff:10.0.0.7", "nowhere")
BLOBS = ("QUJD", "QUI=", "Zm9v", "QUJ=", "Q", "")

KEYS: dict[str, tuple[str | list[str], ...]] = {  # what the request may carry under each key
    "aws:PrincipalTag/team": TEXTS,
    "aws:ResourceTag/team": TEXTS,
    "aws:RequestTag/Dept": TEXTS,
    "kms:ViaService": ("ec2.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com"),
    "aws:TagKeys": MANY,
    "kms:GrantOperations": MANY,
    "aws:MultiFactorAuthPresent": BOOLS,
    "kms:GrantIsForAWSResource": BOOLS,
    "aws:MultiFactorAuthAge": NUMBERS,
    "aws:CurrentTime": DATES,
    "aws:SourceIp": ADDRESSES,
    "aws:SourceArn": ARNS,
    "test:Blob": BLOBS,
}
"""Those above come at random; these always agree with the caller and the call: see generate.context_of."""
DERIVED = (
    *("aws:PrincipalArn", "aws:PrincipalAccount", "aws:username", "aws:userid", "kms:CallerAccount"),
    *("kms:EncryptionContext:aws:ebs:id", "kms:EncryptionContext:Dept", "kms:EncryptionContextKeys"),
)

TEXT_WANTED = (
    *("red", "blue", "r*", "re*", "?ed", "*", "", "RED", "re${*}", "${aws:PrincipalTag/team}", "${aws:username}"),
    *("${aws:resourcetag/team, 'red'}", "${aws:username, 'ada'}", "${aws:TagKeys}", "a${aws:RequestTag/Dept}*"),
    *("ec2.us-east-1.amazonaws.com", "ec2.*", "111111111111", "arn:aws:iam::*:role/*", "${kms:CallerAccount}", "vol-?"),
    *("${aws:username,'ada'}", "${nothing, 'r*'}", "${}", "re${", "$", "${aws:PrincipalTag/team}?", "r${?}d", "${$}"),
    *("${aws:TagKeys, 'red'}", "${ aws:username }", "${aws:PrincipalTag/team}${aws:username}", "a:*"),
)
ARNS_WANTED = (
    *("arn:aws:iam::111111111111:*", "arn:aws:iam::*:role/team/*", "arn:aws:*:*:*:*", "arn:aws:s3:::bucket"),
    *("arn:aws:iam::${aws:PrincipalAccount}:*/reader", "${aws:PrincipalArn}", "arn:aws:ec2:*:*:volume/vol-${*}"),
    *("arn:*:ec2:us-east-?:*1:volume*", "arn:aws:iam::*:user/*/${aws:username, 'ada'}", "red"),
    *("*", "arn:aws:iam::*", "arn:aws:iam:::::", "arn:*", "*:*:*:*:*:*", "arn:aws:iam::1111*11111?:role/*", ""),
)
NETWORKS_WANTED = (
    "10.0.0.0/8",
    "10.0.0.7",
    "10.0.0.0/31",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "10.0.0.9/24",
    "x",
    "10.0.0.0/33",
)

NUMERIC = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
STRING = ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
OPERATORS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # by family: its operators, what policies ask for
    "String": (tuple(f"String{one}" for one in STRING), TEXT_WANTED),
    "Arn": (("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"), ARNS_WANTED),
    "Numeric": (tuple(f"Numeric{one}" for one in NUMERIC), NUMBERS),
    "Date": (tuple(f"Date{one}" for one in NUMERIC), DATES),
    "Bool": (("Bool",), BOOLS),
    "Ip": (("IpAddress", "NotIpAddress"), NETWORKS_WANTED),
    "Binary": (("BinaryEquals",), BLOBS),
}
FAMILY_OF_KEY = {
    "aws:MultiFactorAuthPresent": "Bool",
    "kms:GrantIsForAWSResource": "Bool",
    "aws:MultiFactorAuthAge": "Numeric",
    "aws:CurrentTime": "Date",
    "aws:SourceIp": "Ip",
    "aws:SourceArn": "Arn",
    "aws:PrincipalArn": "Arn",
    "test:Blob": "Binary",
}
