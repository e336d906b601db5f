"""AWS managed policies: a few that exercises of this kind use, with their real documents.

Only policies whose document is known whole are here; every other ARN under `arn:aws:iam::aws:policy/` is refused, in
words. Versions, dates and documents: AWS managed policy reference [D], as of 2026-02. The policy ids are made up here.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.kernel import ids
from app.kernel.clock import milliseconds

Statement = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AwsManaged:
    name: str
    path: str
    version: str  # the default version, and the only one kept
    created: str  # ISO 8601 with Z
    updated: str
    description: str
    document: str

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::aws:policy{self.path}{self.name}"

    @property
    def unique_id(self) -> str:
        return ids.unique_id("ANPA", hashlib.sha256(self.arn.encode()).digest())


def instant_ms(text: str) -> int:
    return milliseconds(datetime.datetime.fromisoformat(text))


def _allow(*actions: str, **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def _row(
    name: str, version: str, created: str, updated: str, description: str, *statements: Statement, path: str = "/"
) -> AwsManaged:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))
    return AwsManaged(name, path, version, f"{created}+00:00", f"{updated}+00:00", description, document)


_ROWS: Final = (
    _row(
        "AdministratorAccess", "v1", "2015-02-06T18:39:46", "2015-02-06T18:39:46",
        "Provides full access to AWS services and resources.",
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
    ),
    _row(
        "PowerUserAccess", "v12", "2015-02-06T18:39:47", "2026-02-12T17:59:14",
        "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
        {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
        _allow(
            "account:GetAccountInformation", "account:GetGovCloudAccountInformation", "account:GetPrimaryEmail",
            "account:ListRegions", "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles",
            "organizations:DescribeEffectivePolicy", "organizations:DescribeOrganization",
        ),
    ),
    _row(
        "IAMFullAccess", "v2", "2015-02-06T18:40:38", "2019-06-21T19:40:00",
        "Provides full access to IAM via the AWS Management Console.",
        _allow(
            "iam:*", "organizations:DescribeAccount", "organizations:DescribeOrganization",
            "organizations:DescribeOrganizationalUnit", "organizations:DescribePolicy", "organizations:ListChildren",
            "organizations:ListParents", "organizations:ListPoliciesForTarget", "organizations:ListRoots",
            "organizations:ListPolicies", "organizations:ListTargetsForPolicy",
        ),
    ),
    _row(
        "IAMReadOnlyAccess", "v4", "2015-02-06T18:40:39", "2018-01-25T19:11:27",
        "Provides read only access to IAM via the AWS Management Console.",
        _allow(
            "iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails", "iam:Get*", "iam:List*",
            "iam:SimulateCustomPolicy", "iam:SimulatePrincipalPolicy",
        ),
    ),
    _row(
        "AWSKeyManagementServicePowerUser", "v2", "2015-02-06T18:40:40", "2017-03-07T00:55:11",
        "Provides access to AWS Key Management Service (KMS).",
        _allow(
            "kms:CreateAlias", "kms:CreateKey", "kms:DeleteAlias", "kms:Describe*", "kms:GenerateRandom", "kms:Get*",
            "kms:List*", "kms:TagResource", "kms:UntagResource", "iam:ListGroups", "iam:ListRoles", "iam:ListUsers",
        ),
    ),
    _row(
        "AmazonEC2FullAccess", "v5", "2015-02-06T18:40:15", "2018-11-27T02:16:56",
        "Provides full access to Amazon EC2 via the AWS Management Console.",
        {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "elasticloadbalancing:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "cloudwatch:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "autoscaling:*", "Resource": "*"},
        _allow(
            "iam:CreateServiceLinkedRole",
            Condition={
                "StringEquals": {
                    "iam:AWSServiceName": [
                        "autoscaling.amazonaws.com", "ec2scheduled.amazonaws.com",
                        "elasticloadbalancing.amazonaws.com", "spot.amazonaws.com", "spotfleet.amazonaws.com",
                        "transitgateway.amazonaws.com",
                    ]
                }
            },
        ),
    ),
    _row(
        "AmazonEC2ReadOnlyAccess", "v5", "2015-02-06T18:40:17", "2026-02-12T18:03:17",
        "Provides read only access to Amazon EC2 via the AWS Management Console.",
        _allow("ec2:Describe*", "ec2:GetSecurityGroupsForVpc"),
        _allow("elasticloadbalancing:Describe*"),
        _allow("cloudwatch:ListMetrics", "cloudwatch:GetMetricStatistics", "cloudwatch:Describe*"),
        _allow("autoscaling:Describe*"),
    ),
    _row(
        "AmazonS3FullAccess", "v2", "2015-02-06T18:40:58", "2021-09-27T20:16:37",
        "Provides full access to all buckets via the AWS Management Console.",
        _allow("s3:*", "s3-object-lambda:*"),
    ),
    _row(
        "AmazonSQSFullAccess", "v1", "2015-02-06T18:41:07", "2015-02-06T18:41:07",
        "Provides full access to Amazon SQS via the AWS Management Console.",
        _allow("sqs:*"),
    ),
    _row(
        "AWSCloudTrail_ReadOnlyAccess", "v1", "2022-06-14T17:19:05", "2022-06-14T17:19:05",
        "This policy grants read only access to CloudTrail.",
        _allow("cloudtrail:Get*", "cloudtrail:Describe*", "cloudtrail:List*", "cloudtrail:LookupEvents"),
    ),
    _row(
        "AWSOrganizationsReadOnlyAccess", "v6", "2018-11-06T20:32:38", "2024-06-07T21:32:16",
        "Provides read-only access to AWS Organizations.",
        _allow("organizations:Describe*", "organizations:List*", Sid="AWSOrganizationsReadOnly"),
        _allow(
            "account:GetAlternateContact", "account:GetContactInformation", "account:ListRegions",
            "account:GetRegionOptStatus", "account:GetPrimaryEmail", Sid="AWSOrganizationsReadOnlyAccount",
        ),
    ),
    _row(  # of its statements those on EC2 and IAM; the others let it work with services that reseal does not have
        "AutoScalingServiceRolePolicy", "v1", "2018-01-08T23:10:55", "2018-01-08T23:10:55",
        "Enables access to AWS Services and Resources used or managed by Auto Scaling",
        _allow(
            "ec2:AttachClassicLinkVpc", "ec2:CancelSpotInstanceRequests", "ec2:CreateFleet", "ec2:CreateTags",
            "ec2:DeleteTags", "ec2:Describe*", "ec2:DetachClassicLinkVpc", "ec2:ModifyInstanceAttribute",
            "ec2:RequestSpotInstances", "ec2:RunInstances", "ec2:StartInstances", "ec2:StopInstances",
            "ec2:TerminateInstances", Sid="EC2InstanceManagement",
        ),
        _allow(
            "iam:PassRole", Sid="EC2InstanceProfileManagement",
            Condition={"StringLike": {"iam:PassedToService": "ec2.amazonaws.com*"}},
        ),
        _allow(
            "iam:CreateServiceLinkedRole", Sid="EC2SpotManagement",
            Condition={"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}},
        ),
        path="/aws-service-role/",
    ),
    _row(
        "AWSDenyAll", "v2", "2019-05-01T22:36:14", "2023-12-18T16:42:05",
        "Deny all access.",
        {"Sid": "DenyAll", "Effect": "Deny", "Action": ["*"], "Resource": "*"},
    ),
)  # fmt: skip

AWS_MANAGED: Final[Mapping[str, AwsManaged]] = {row.arn: row for row in _ROWS}
