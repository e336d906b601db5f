"""EBS: EC2's volume and snapshot operations and the EBS direct APIs, which share their records.

records.py what is kept | rules.py resources, condition keys, refusals | envelope.py every call to KMS | plane.py blocks
under data keys | volumes.py volume_l*.py volume_settling.py snapshots.py deleting.py sharing.py copying.py
copy_*.py direct*.py tags.py defaults.py places.py the operations

What else is done with them: feature_records.py feature_errors.py what is kept and refused | locks.py tiers.py
public_access.py recycle_bin.py fast_restore.py modifying.py multi_volume.py volume_*.py the operations | retention*.py
the service rbin | notices.py EventBridge

Images and instances, as far as they decide who can use a volume: compute_records.py compute_rules.py compute_errors.py
devices.py opening.py launch_plan.py image_changes.py what the operations share | images.py image_*.py instances.py
instance_*.py launching.py attachments.py the operations
"""

from app.kernel.errors import not_simulated
from app.kernel.internal import internals_in
from app.kernel.operation import Service, jobs_in, operations_in
from app.services.ebs import (
    attachments,
    copy_settling,
    copying,
    defaults,
    deleting,
    direct_reading,
    direct_starting,
    direct_writing,
    fast_restore,
    image_attributes,
    image_copying,
    image_creating,
    image_listing,
    images,
    instance_attributes,
    instance_listing,
    instances,
    launching,
    locks,
    modifying,
    multi_volume,
    places,
    placing,
    public_access,
    recycle_bin,
    retention_locks,
    retention_rules,
    retention_tags,
    rules,
    sharing,
    snapshots,
    tags,
    tiers,
    volume_copying,
    volume_details,
    volume_listing,
    volume_settling,
    volumes,
)
from app.services.ebs.compute_records import COMPUTE_KINDS
from app.services.ebs.edges import edges
from app.services.ebs.feature_records import FEATURE_KINDS
from app.services.ebs.records import KINDS
from app.services.ebs.trail import DIRECT_TRAIL, EC2_TRAIL, RETENTION_TRAIL

_STORAGE = (volumes, volume_listing, volume_settling, snapshots, deleting, sharing, tags, defaults, places)
_COPIES = (copying, copy_settling)
_DIRECT = (direct_starting, direct_writing, direct_reading)
_MORE = (volume_copying, volume_details, modifying, multi_volume)
_KEEPING = (public_access, locks, tiers, recycle_bin, fast_restore)
_INSTANCES = (attachments, instances, instance_listing, instance_attributes, launching)
_IMAGES = (images, image_creating, image_listing, image_attributes, image_copying)
_RETENTION = (retention_rules, retention_locks, retention_tags)
_MODULES = _STORAGE + _COPIES + _DIRECT + _MORE + _KEEPING + _RETENTION + _INSTANCES + _IMAGES

EBS = Service(
    name="ebs",
    operations=operations_in(*_MODULES),
    kinds=KINDS + COMPUTE_KINDS + FEATURE_KINDS,
    trails={"ec2": EC2_TRAIL, "ebs": DIRECT_TRAIL, "rbin": RETENTION_TRAIL},
    denied=rules.denied,
    jobs=jobs_in(*_MODULES),
    internal=internals_in(placing),
    context=rules.context,
    edges=edges,
    missing=lambda what: not_simulated(what, "UnsupportedOperation"),
)
