"""The services of a cloud, a folder each. An explicit tuple: nothing registers itself, no service imports another.

They meet only at the door: a service that needs another calls it through its draft, and is authorized like anybody.
"""

from __future__ import annotations

from functools import cache

from app.kernel.operation import Services


@cache
def all_services() -> Services:
    """Every service that reseal simulates."""
    from app.services.cloudtrail import CLOUDTRAIL
    from app.services.ebs import EBS
    from app.services.iam import IAM
    from app.services.kms import KMS
    from app.services.organizations import ORGANIZATIONS
    from app.services.sts import STS
    from app.services.toolbox import TOOLBOX

    return Services((IAM, STS, ORGANIZATIONS, KMS, EBS, CLOUDTRAIL, TOOLBOX))
