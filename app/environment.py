"""What `reseal env` prints: endpoint, Region and the keys of a user, made where it is not there, or of a role.

It hands out a user rather than the root, whose own account never refuses it: a learner should meet policies.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

USER_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["ec2:*", "ebs:*", "kms:*", "cloudtrail:LookupEvents"], "Resource": "*"}
    ],
}


class EnvironmentFailed(Exception):
    """The server could not be asked, or refused."""


Keys = tuple[str, str, str]  # access key id, secret access key, session token or ""


def variables(endpoint: str, region: str, keys: Keys) -> dict[str, str]:
    """The variables that AWS's tools read."""
    token = {"AWS_SESSION_TOKEN": keys[2]} if keys[2] else {}
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": keys[0],
        "AWS_SECRET_ACCESS_KEY": keys[1],
        **token,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def keys_of_root(account: str) -> Keys:
    """In open mode an account's id is its root's key."""
    return account, "reseal", ""


def keys_of_role(endpoint: str, account: str, role: str, token: str) -> Keys:
    """A session that asked no trust policy: a role that came from a real account trusts nobody who is here."""
    from workflows.rest_client import Refused, RestClient, Unreachable, world_of

    try:
        asked = {"account": account, "role": role}
        made = RestClient(endpoint, token).ask(f"worlds/{world_of(endpoint)}/credentials", asked)
    except (Refused, Unreachable) as failed:
        raise EnvironmentFailed(str(failed)) from None
    return made["access_key_id"], made["secret_access_key"], made["session_token"]


def keys_of_user(endpoint: str, account: str, user: str, region: str) -> Keys:
    """Of a user, made where it is not there."""
    import botocore.exceptions
    import botocore.session

    iam = botocore.session.get_session().create_client(
        "iam",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=account,
        aws_secret_access_key="reseal",  # noqa: S106 - open mode takes any
    )
    try:
        _make_user(iam, user)
        made = iam.create_access_key(UserName=user)["AccessKey"]
    except botocore.exceptions.ClientError as error:
        raise EnvironmentFailed(f"{endpoint} refused: {error.response['Error']['Message']}") from None
    except botocore.exceptions.BotoCoreError as error:
        raise EnvironmentFailed(f"{endpoint} does not answer ({error}); is `reseal serve` running?") from None
    return made["AccessKeyId"], made["SecretAccessKey"], ""


def _make_user(iam: Any, user: str) -> None:
    """The user with one policy; of an existing user the policies stay, and its oldest key goes where it has two."""
    try:
        iam.create_user(UserName=user)
    except iam.exceptions.EntityAlreadyExistsException:
        keys = sorted(iam.list_access_keys(UserName=user)["AccessKeyMetadata"], key=lambda key: key["CreateDate"])
        if len(keys) >= 2:
            iam.delete_access_key(UserName=user, AccessKeyId=keys[0]["AccessKeyId"])
        return
    iam.put_user_policy(UserName=user, PolicyName="operator", PolicyDocument=json.dumps(USER_POLICY))


def lines(found: Mapping[str, str], format: str) -> str:
    """The variables as lines of a shell (sh, fish, powershell), a .env file, or one JSON object."""
    if format == "json":
        return json.dumps({"reseal": 1, **found})
    forms = {
        "sh": lambda name, value: f"export {name}={shlex.quote(value)}",
        "fish": lambda name, value: f"set -gx {name} {shlex.quote(value)};",
        "powershell": lambda name, value: f"$env:{name} = '{value}'",
        "dotenv": lambda name, value: f"{name}={value}",
    }
    return "\n".join(forms[format](name, value) for name, value in found.items())
