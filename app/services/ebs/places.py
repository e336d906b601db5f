"""Regions and zones: all commercial Regions of botocore's endpoints, three zones each."""

from __future__ import annotations

from functools import cache
from string import ascii_lowercase
from typing import TYPE_CHECKING

from app.kernel.authority import anything
from app.kernel.operation import operation
from app.kernel.regions import regions
from app.services.ebs import errors, requests, volume_errors
from app.services.ebs.requests import DRY_RUN
from app.services.ebs.rules import on

if TYPE_CHECKING:
    from app.kernel.call import Call
    from app.kernel.draft import Draft
    from app.kernel.operation import Answer

ZONE_LETTERS = "abc"
OPT_IN_NOT_REQUIRED = {
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
}


def zones(region: str) -> tuple[str, ...]:
    return tuple(region + letter for letter in ZONE_LETTERS)


def zone_id(zone: str) -> str:
    """`us-east-1a` -> `use1-az1`: the short form of the Region and the zone's number (the mapping is ours)."""
    region, letter = zone[:-1], zone[-1]
    area, *direction, number = region.split("-")
    short = "".join(_short(each) for each in direction)
    return f"{area}{short}{number}-az{ascii_lowercase.index(letter) + 1}"  # an imported volume may be in a further zone


def _short(direction: str) -> str:
    return {"northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw"}.get(direction, direction[:1])


@cache
def zone_of_id(region: str, id: str) -> str:
    """The zone's name; "" where there is none of that id."""
    return next((zone for zone in zones(region) if zone_id(zone) == id), "")


_REGION_FILTERS: requests.FilterTable = {
    "region-name": lambda name: name,
    "endpoint": lambda name: f"ec2.{name}.amazonaws.com",
    "opt-in-status": lambda name: _opt_in(name),
}


def _opt_in(region: str) -> str:
    return "opt-in-not-required" if region in OPT_IN_NOT_REQUIRED else "opted-in"


@operation(
    "ec2",
    "DescribeRegions",
    honours={"RegionNames", "Filters", "DryRun"},
    inert={"AllRegions": "every Region of a world is opted in, so all are always listed"},
    checks=(on("ec2:DescribeRegions", anything), DRY_RUN),
    answers=(errors.BAD_REGION, errors.BAD_FILTER),
    reads=True,
)
def describe_regions(draft: Draft, call: Call) -> Answer:
    for name in call["RegionNames"] or ():
        if name not in regions():
            errors.BAD_REGION.refuse(region=name)
    test = requests.matches(call, _REGION_FILTERS, lambda name: {})
    found = [name for name in call["RegionNames"] or regions() if test(name)]
    return {
        "Regions": [
            {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": _opt_in(name)}
            for name in found
        ]
    }


_ZONE_FILTERS: requests.FilterTable = {
    "zone-name": lambda zone: zone,
    "zone-id": lambda zone: zone_id(zone),
    "region-name": lambda zone: zone[:-1],
    "state": lambda zone: "available",
    "opt-in-status": lambda zone: "opt-in-not-required",
    "group-name": lambda zone: zone[:-1],
    "zone-type": lambda zone: "availability-zone",
}


@operation(
    "ec2",
    "DescribeAvailabilityZones",
    honours={"ZoneNames", "ZoneIds", "Filters", "DryRun"},
    inert={"AllAvailabilityZones": "a world has no Local or Wavelength Zones that could be hidden"},
    checks=(on("ec2:DescribeAvailabilityZones", anything), DRY_RUN),
    answers=(volume_errors.BAD_ZONE, errors.BAD_FILTER),
    reads=True,
)
def describe_availability_zones(draft: Draft, call: Call) -> Answer:
    wanted = [*(call["ZoneNames"] or ()), *(zone_of_id(call.region, id) or id for id in call["ZoneIds"] or ())]
    for zone in wanted:
        if zone not in zones(call.region):
            volume_errors.BAD_ZONE.refuse(zone=zone)
    test = requests.matches(call, _ZONE_FILTERS, lambda zone: {})
    return {"AvailabilityZones": [_zone(zone) for zone in wanted or zones(call.region) if test(zone)]}


def _zone(zone: str) -> dict[str, object]:
    return {
        "State": "available",
        "OptInStatus": "opt-in-not-required",
        "Messages": [],
        "RegionName": zone[:-1],
        "ZoneName": zone,
        "ZoneId": zone_id(zone),
        "GroupName": zone[:-1],
        "NetworkBorderGroup": zone[:-1],
        "ZoneType": "availability-zone",
    }
