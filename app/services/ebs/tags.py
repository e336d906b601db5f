"""EC2 tags. They belong to the account that puts them, not to the resource: whom a snapshot is shared with may tag it
for itself, sees none of the owner's tags, and keeps its own when the share ends (ebs.md 1.6 [V])."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from app.kernel.authority import CALLER, Resource, anything, authorize, tag_context
from app.kernel.operation import operation
from app.services.ebs import compute_errors, errors, requests, volume_errors
from app.services.ebs.compute_rules import image_resource, instance_resource, own_instance, visible_image
from app.services.ebs.records import Tags
from app.services.ebs.requests import DRY_RUN, page, required, start_after
from app.services.ebs.resource_ids import well_formed_snapshot
from app.services.ebs.rules import on, own_volume, snapshot_resource, visible_snapshot, volume_resource

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

TAGS_MAX = 50
IN_BIN = "aws:recycle-bin:resource-in-bin"  # the system tag of what is in the recycle bin


def tags_of(draft: Draft, account: str, region: str, id: str) -> dict[str, str]:
    found = draft.get(Tags, account, region, id)
    return dict(found.pairs) if found else {}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def put_tags(draft: Draft, call: Call, id: str, resource_type: str, tags: Mapping[str, str]) -> None:
    if not tags:
        return
    kept = tags_of(draft, call.account, call.region, id) | dict(tags)
    if len(kept) > TAGS_MAX:
        errors.TAG_LIMIT.refuse()
    draft.put(
        Tags(
            account=call.account,
            region=call.region,
            id=id,
            resource_type=resource_type,
            pairs=tuple(sorted(kept.items())),
        )
    )


def drop_tags(draft: Draft, call: Call, id: str) -> None:
    """A resource that goes takes its owner's tags with it."""
    found = draft.get(Tags, call.account, call.region, id)
    if found:
        draft.delete(found)


def specified(*resource_types: str) -> Any:
    """A check of TagSpecifications: only tags for what the operation makes, no key twice, none reserved."""

    def check(draft: Draft, call: Call) -> None:
        for spec in call["TagSpecifications"] or ():
            if spec.get("ResourceType") not in resource_types:
                errors.BAD_TAG_TYPE.refuse(value=spec.get("ResourceType", ""))
            well_formed(spec.get("Tags") or ())

    return check


def well_formed(tags: Iterable[Mapping[str, str]]) -> None:
    keys = [tag.get("Key", "") for tag in tags]
    if not all(keys):
        errors.TAG_WITHOUT_KEY.refuse()
    twice = next((key for at, key in enumerate(keys) if key in keys[:at]), None)
    if twice is not None:
        errors.TAG_TWICE.refuse(key=twice)
    if any(key.lower().startswith("aws:") for key in keys):
        errors.TAG_RESERVED.refuse()
    if len(keys) > TAGS_MAX:
        errors.TAG_LIMIT.refuse()


ANSWERS = (errors.BAD_TAG_TYPE, errors.TAG_WITHOUT_KEY, errors.TAG_TWICE, errors.TAG_RESERVED, errors.TAG_LIMIT)

_TYPES = {"snap": "snapshot", "vol": "volume", "ami": "image", "i": "instance"}


def _is_kept(draft: Draft, call: Call, id: str) -> bool:
    """What can not be seen any more and has tags of the caller's: a snapshot in the caller's recycle bin, which can be
    tagged; or one that is no longer shared, whose tags can only be removed (ST:sharing_data_tags_settled [V])."""
    keys = tags_of(draft, call.account, call.region, id)
    return IN_BIN in keys or bool(keys and call.name == "DeleteTags")


def _resource(draft: Draft, call: Call, id: str) -> Resource:
    """The resource to be tagged, which must be there for the caller; else EC2's error for its kind."""
    if id.startswith("snap-"):
        well_formed_snapshot(id)
        if visible_snapshot(draft, call, id) is None and not _is_kept(draft, call, id):
            errors.SNAPSHOT_NOT_FOUND.refuse(id=id)
        return snapshot_resource(draft, call, id)
    if id.startswith("vol-"):
        if own_volume(draft, call, id) is None:
            volume_errors.VOLUME_NOT_FOUND.refuse(id=id)
        return volume_resource(draft, call, id)
    if id.startswith("ami-"):
        if visible_image(draft, call, id) is None:
            compute_errors.IMAGE_NOT_FOUND.refuse(id=id)
        return image_resource(draft, call, id)
    if id.startswith("i-"):
        own_instance(draft, call, id)
        return instance_resource(draft, call, id)
    return errors.BAD_RESOURCE_ID.refuse(value=id)


def _authorize_each(action: str) -> Any:
    def check(draft: Draft, call: Call) -> None:
        asked = tag_context({tag.get("Key", ""): tag.get("Value", "") for tag in call["Tags"] or ()})
        for id in call["Resources"]:
            found = _resource(draft, call, id)
            resource = Resource(found.arn, found.account, found.record, {**found.context, **asked})
            authorize(draft, call, action, resource, CALLER)

    return check


def _tags_are_well_formed(draft: Draft, call: Call) -> None:
    well_formed(call["Tags"] or ())


@operation(
    "ec2",
    "CreateTags",
    honours={"Resources", "Tags", "DryRun"},
    checks=(required("Resources", "Tags"), _tags_are_well_formed, _authorize_each("ec2:CreateTags"), DRY_RUN),
    answers=(
        errors.MISSING_PARAMETER,
        *ANSWERS[1:],
        errors.SNAPSHOT_NOT_FOUND,
        volume_errors.VOLUME_NOT_FOUND,
        compute_errors.IMAGE_NOT_FOUND,
        compute_errors.INSTANCE_NOT_FOUND,
        errors.BAD_RESOURCE_ID,
    ),
    across_accounts="tags on a shared snapshot are the caller's own",
)
def create_tags(draft: Draft, call: Call) -> Answer:
    """Add tags, or overwrite those of the same key, on what the caller can see."""
    tags = {tag["Key"]: tag.get("Value", "") for tag in call["Tags"]}
    for id in call["Resources"]:
        put_tags(draft, call, id, _TYPES[id.partition("-")[0]], tags)
    return {}


@operation(
    "ec2",
    "DeleteTags",
    honours={"Resources", "Tags", "DryRun"},
    checks=(required("Resources"), _authorize_each("ec2:DeleteTags"), DRY_RUN),
    answers=(
        errors.MISSING_PARAMETER,
        errors.SNAPSHOT_NOT_FOUND,
        volume_errors.VOLUME_NOT_FOUND,
        compute_errors.IMAGE_NOT_FOUND,
        compute_errors.INSTANCE_NOT_FOUND,
        errors.BAD_RESOURCE_ID,
    ),
    across_accounts="tags on a shared snapshot are the caller's own",
)
def delete_tags(draft: Draft, call: Call) -> Answer:
    """Remove tags: those named (with a Value: only if it is that one), or all where none is named."""
    for id in call["Resources"]:
        found = draft.get(Tags, call.account, call.region, id)
        if found is None:
            continue
        kept = tuple(pair for pair in found.pairs if not _is_named(pair, call["Tags"]))
        if kept:
            draft.change(found, pairs=kept)
        else:
            draft.delete(found)
    return {}


def _is_named(pair: tuple[str, str], tags: Iterable[Mapping[str, str]] | None) -> bool:
    """Never a tag of AWS's own."""
    if not tags or pair[0].startswith("aws:"):
        return not pair[0].startswith("aws:")
    return any(tag.get("Key") == pair[0] and tag.get("Value", pair[1]) == pair[1] for tag in tags)


_FILTERS: requests.FilterTable = {
    "key": lambda row: row[1],
    "value": lambda row: row[2],
    "resource-id": lambda row: row[0].id,
    "resource-type": lambda row: row[0].resource_type,
}


@operation(
    "ec2",
    "DescribeTags",
    honours={"Filters", "MaxResults", "NextToken", "DryRun"},
    checks=(on("ec2:DescribeTags", anything), DRY_RUN),
    answers=(errors.BAD_FILTER, errors.BAD_PAGE_SIZE, errors.BAD_PAGE_TOKEN),
    reads=True,
)
def describe_tags(draft: Draft, call: Call) -> Answer:
    """The caller's tags in the Region, one row a tag, in the order of resource id and key."""
    test = requests.matches(call, _FILTERS, lambda row: {row[1]: row[2]})
    rows = filter(test, _rows(draft, call, start_after(draft, call)))
    found, more = page(call, rows, lambda row: f"{row[0].id}\0{row[1]}")
    answer = [
        {"ResourceId": t.id, "ResourceType": t.resource_type, "Key": key, "Value": value} for t, key, value in found
    ]
    return {"Tags": answer, **more}


def _rows(draft: Draft, call: Call, after: str) -> Iterator[tuple[Tags, str, str]]:
    """(tags, key, value) behind the cursor `<resource id>\\0<key>`: what is left of that resource, then the others."""
    account, region = call.account, call.region
    id, _, last = after.partition("\0")
    begun = draft.get(Tags, account, region, id) if id else None
    if begun:
        yield from ((begun, key, value) for key, value in begun.pairs if key > last)
    for tags in draft.scan(Tags, account, region, after=(account, region, id) if id else ()):
        yield from ((tags, key, value) for key, value in tags.pairs)
