"""EBS: EC2's volume and snapshot operations and the EBS direct APIs, which share their records.

records.py what is kept | rules.py resources, condition keys, refusals | envelope.py every call to KMS | plane.py blocks
under data keys | volumes.py snapshots.py sharing.py copying.py direct.py tags.py defaults.py places.py the operations
"""

from app.kernel.errors import not_simulated
from app.kernel.operation import Service, jobs_in, operations_in
from app.services.ebs import copying, defaults, direct, places, rules, sharing, snapshots, tags, volumes
from app.services.ebs.edges import edges
from app.services.ebs.records import KINDS
from app.services.ebs.trail import DIRECT_TRAIL, EC2_TRAIL

_MODULES = (volumes, snapshots, sharing, copying, direct, tags, defaults, places)

EBS = Service(
    name="ebs",
    operations=operations_in(*_MODULES),
    kinds=KINDS,
    trails={"ec2": EC2_TRAIL, "ebs": DIRECT_TRAIL},
    denied=rules.denied,
    jobs=jobs_in(*_MODULES),
    context=rules.context,
    edges=edges,
    missing=lambda what: not_simulated(what, "UnsupportedOperation"),
)
