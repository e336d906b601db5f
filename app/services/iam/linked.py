"""Service-linked roles: made for one AWS service, trusted by it alone, changed by nobody else.

Auto Scaling's role has its managed policy, which says nothing of KMS: a launch under an own key rests on a key
policy or a grant that names the role (ebs.md 1.9, policy-evaluation.md 4.7). Of the other roles reseal does not hold
the managed policies.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from app.kernel.authority import Resource
from app.kernel.call import Call
from app.kernel.draft import Draft
from app.kernel.operation import Answer, operation
from app.services.iam import errors, shapes
from app.services.iam.naming import judged, new_unique_id, on, the, touch
from app.services.iam.records import Deletion, Role


@dataclass(frozen=True, slots=True)
class _Linked:
    service: str
    role: str
    description: str = ""
    takes_suffix: bool = False
    policy: str = ""  # ARN of its managed policy, where reseal holds it


LINKED: Final = (  # names: documentation of each service [D]
    _Linked(
        "autoscaling.amazonaws.com",
        "AWSServiceRoleForAutoScaling",
        "Default Service-Linked Role enables access to AWS Services and Resources used or managed by Auto Scaling",
        takes_suffix=True,
        policy="arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy",
    ),
    _Linked("backup.amazonaws.com", "AWSServiceRoleForBackup"),
    _Linked("cloudtrail.amazonaws.com", "AWSServiceRoleForCloudTrail"),
    _Linked("config.amazonaws.com", "AWSServiceRoleForConfig"),
    _Linked("ec2fleet.amazonaws.com", "AWSServiceRoleForEC2Fleet"),
    _Linked("ecs.amazonaws.com", "AWSServiceRoleForECS"),
    _Linked("eks.amazonaws.com", "AWSServiceRoleForAmazonEKS"),
    _Linked("eks-nodegroup.amazonaws.com", "AWSServiceRoleForAmazonEKSNodegroup"),
    _Linked("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"),
    _Linked("organizations.amazonaws.com", "AWSServiceRoleForOrganizations"),
    _Linked("rds.amazonaws.com", "AWSServiceRoleForRDS"),
    _Linked("spot.amazonaws.com", "AWSServiceRoleForEC2Spot"),
    _Linked("spotfleet.amazonaws.com", "AWSServiceRoleForEC2SpotFleet"),
    _Linked("ssm.amazonaws.com", "AWSServiceRoleForAmazonSSM"),
)
_BY_SERVICE: Final = {row.service: row for row in LINKED}


def _name(call: Call) -> str:
    row = _BY_SERVICE.get(call["AWSServiceName"])
    base = row.role if row else f"AWSServiceRoleFor{call['AWSServiceName'].partition('.')[0]}"
    return f"{base}_{call['CustomSuffix']}" if call["CustomSuffix"] else base


def _on_new(draft: Draft, call: Call) -> Resource:
    path = f"aws-service-role/{call['AWSServiceName']}/{_name(call)}"
    return Resource(f"arn:aws:iam::{call.account}:role/{path}", call.account)


@operation(
    "iam",
    "CreateServiceLinkedRole",
    honours={"AWSServiceName", "Description", "CustomSuffix"},
    checks=judged("iam:CreateServiceLinkedRole", _on_new),
    answers=(errors.LINKED_SERVICE_UNKNOWN, errors.LINKED_ROLE_EXISTS, errors.NO_SUFFIX),
)
def create_service_linked_role(draft: Draft, call: Call) -> Answer:
    service, name = call["AWSServiceName"], _name(call)
    row = _BY_SERVICE.get(service) or errors.LINKED_SERVICE_UNKNOWN.refuse(service=service)
    if call["CustomSuffix"] and not row.takes_suffix:
        errors.NO_SUFFIX.refuse(service=service)
    if draft.get(Role, call.account, "", name.lower()):
        errors.LINKED_ROLE_EXISTS.refuse(name=name)
    role = Role(
        account=call.account,
        id=name.lower(),
        name=name,
        path=f"/aws-service-role/{service}/",
        unique_id=new_unique_id(draft, call, "AROA"),
        created_ms=call.at_ms,
        trust=_trust(service),
        description=call["Description"] or row.description,
        service=service,
        attached=(row.policy,) if row.policy else (),
    )
    touch(draft, call, draft.put(role))
    return {"Role": shapes.role(draft.world, role)}


def _trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@operation(
    "iam",
    "DeleteServiceLinkedRole",
    honours={"RoleName"},
    checks=judged("iam:DeleteServiceLinkedRole", on(Role)),
    answers=(errors.HOLDER_MISSING, errors.NOT_LINKED),
)
def delete_service_linked_role(draft: Draft, call: Call) -> Answer:
    """Delete one; at once, since no simulated service keeps resources that use it. Its task stays to be asked about."""
    role = the(draft, call, Role)
    if not role.service:
        errors.NOT_LINKED.refuse(name=role.name)
    task = f"task{role.path}{role.name}/{draft.entropy.uuid('deletion task')}"
    draft.put(Deletion(account=call.account, id=task, role=role.name))
    draft.delete(role)
    return {"DeletionTaskId": task}


def _on_deletion(draft: Draft, call: Call) -> Resource:
    role = call["DeletionTaskId"].removeprefix("task").rpartition("/")[0]
    return Resource(f"arn:aws:iam::{call.account}:role{role or '/*'}", call.account)


@operation(
    "iam",
    "GetServiceLinkedRoleDeletionStatus",
    honours={"DeletionTaskId"},
    checks=judged("iam:GetServiceLinkedRoleDeletionStatus", _on_deletion),
    answers=(errors.DELETION_MISSING,),
    reads=True,
)
def get_service_linked_role_deletion_status(draft: Draft, call: Call) -> Answer:
    if draft.get(Deletion, call.account, "", call["DeletionTaskId"]) is None:
        errors.DELETION_MISSING.refuse(id=call["DeletionTaskId"])
    return {"Status": "SUCCEEDED"}
