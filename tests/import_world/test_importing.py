"""`reseal world import`: the same ids, all or nothing, every mistake with its place, what is not told said."""

from __future__ import annotations

import json
import urllib.error
from pathlib import Path
from typing import Any

import pytest

from app.kernel.call import Request, root_of
from app.outside.capture import captured
from app.outside.capture_plan import planned
from app.outside.folder import Folder
from tests.import_world.conftest import reseal
from tests.import_world.estate import MANAGEMENT, REGION, Estate, World, allow, attempts, document

SOURCE, TARGET = "111122223333", "444455556666"
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
MORE_KEYS = 4  # aws/ebs in two places, and two replicas
ARN = f"arn:aws:kms:{REGION}:{SOURCE}:key/{KEY}"


@pytest.fixture(scope="module")
def copy(here: tuple[World, Estate], folder: Path) -> World:
    done = reseal("world", "import", str(folder), "--endpoint", here[0].endpoint, "--world", "again")
    assert done.returncode == 0, done.stderr
    assert "made " in done.stdout
    assert f"reseal env {here[1].source} --role importer" in done.stdout
    return World(here[0].endpoint, "again")


def write(folder: Path, files: dict[str, Any]) -> Path:
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body if isinstance(body, str) else json.dumps(body))
    return folder


def small() -> dict[str, Any]:
    """The layout of `reseal explain --policies`, as somebody writes it by hand."""
    return {
        f"{SOURCE}/key-{KEY}.json": json.loads(document(allow("kms:*", Principal={"AWS": TARGET}))),
        f"{SOURCE}/snapshots.json": {"Snapshots": [{
            "SnapshotId": "snap-0fedcba9876543210", "VolumeId": "vol-0fedcba9876543210", "State": "completed",
            "VolumeSize": 1, "Encrypted": True, "KmsKeyId": ARN, "OwnerId": SOURCE,
            "CreateVolumePermissions": [{"UserId": TARGET}],
        }]},
        f"{TARGET}/role-importer.json": json.loads(document(allow("ec2:*", "kms:*"))),
        f"{TARGET}/role-importer.boundary.json": json.loads(document(allow("ec2:*", "kms:Describe*"))),
    }  # fmt: skip


# what is kept


def listed(world: World, estate: Estate, management: str = MANAGEMENT) -> dict[str, Any]:
    """ARNs, ids and policies of everything, as the accounts' roots see them."""
    found: dict[str, Any] = {}
    for account in (estate.source, estate.target):
        iam = world.client("iam", account)
        details = iam.get_account_authorization_details(Filter=["User", "Role", "Group", "LocalManagedPolicy"])
        for name in ("UserDetailList", "RoleDetailList", "GroupDetailList", "Policies"):
            for one in details[name]:
                one.pop("Tags", None)  # of which only the keys were captured
                one.pop("Description", None)
                found[one["Arn"]] = one
        kms, ec2 = world.client("kms", account), world.client("ec2", account)
        for key in kms.list_keys()["Keys"]:
            about = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
            grants = kms.list_grants(KeyId=key["KeyId"])["Grants"]
            policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"])
            dropped = ("CreationDate", "Description", "CurrentKeyMaterialId")
            state = {name: value for name, value in about.items() if name not in dropped}
            found[key["KeyArn"]] = (state, policy, [(one["GrantId"], one["Operations"]) for one in grants])
        found[f"{account} aliases"] = [
            (one["AliasArn"], one.get("TargetKeyId")) for one in kms.list_aliases()["Aliases"]
        ]
        for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]:
            shared = ec2.describe_snapshot_attribute(SnapshotId=one["SnapshotId"], Attribute="createVolumePermission")
            wanted = ("VolumeId", "State", "VolumeSize", "Encrypted", "KmsKeyId", "StartTime")
            found[one["SnapshotId"]] = [one.get(name) for name in wanted], shared["CreateVolumePermissions"]
        for one in ec2.describe_volumes()["Volumes"]:
            found[one["VolumeId"]] = [
                one.get(name) for name in ("Size", "Encrypted", "KmsKeyId", "AvailabilityZone", "Iops")
            ]
        found[f"{account} defaults"] = ec2.get_ebs_default_kms_key_id()["KmsKeyId"]
    org = world.client("organizations", management)
    found["accounts"] = sorted(one["Id"] for one in org.list_accounts()["Accounts"])
    return found


def test_everything_has_the_ids_and_policies_it_had(here: tuple[World, Estate], copy: World) -> None:
    was, now = listed(*here), listed(copy, here[1])
    for one in [*was.values(), *now.values()]:
        if isinstance(one, dict):
            one.pop("CreateDate", None)
    assert {id: now.get(id) for id, one in was.items() if now.get(id) != one} == {}
    assert was.keys() == now.keys()


def test_the_same_import_again_changes_nothing(here: tuple[World, Estate], copy: World, folder: Path) -> None:
    before = copy.rest("/again")["revision"]
    done = reseal("world", "import", str(folder), "--endpoint", copy.url, "--json")
    told = json.loads(done.stdout)
    assert told["made"] == {}
    assert told["same"]["key"] == len(here[1].keys) + MORE_KEYS
    assert copy.rest("/again")["revision"] == before


def test_another_thing_under_the_same_id_is_refused_and_nothing_is_kept(copy: World, folder: Path) -> None:
    """Method: a key is disabled in the world; then a folder that tells of a further account is imported."""
    copy.rest("/again/fork", {"name": "changed"})
    changed = World(copy.endpoint, "changed")
    account = next(path.name for path in folder.iterdir() if (path / REGION / "aliases.json").exists()
                   and "alias/shared" in (path / REGION / "aliases.json").read_text())  # fmt: skip
    changed.client("kms", account).disable_key(KeyId=_key_of(changed, account, "alias/shared"))
    before = changed.rest("/changed")["revision"]
    done = reseal("world", "import", str(folder), "--endpoint", changed.url)
    assert done.returncode == 2
    assert "the world holds another key as" in done.stderr
    assert "state is 'Disabled' there" in done.stderr
    assert changed.rest("/changed")["revision"] == before


def _key_of(world: World, account: str, alias: str) -> str:
    aliases = world.client("kms", account).list_aliases()["Aliases"]
    return next(one["TargetKeyId"] for one in aliases if one["AliasName"] == alias)


def test_a_refused_import_leaves_no_new_world(here: tuple[World, Estate], tmp_path: Path) -> None:
    """Method: two accounts that tell of one snapshot id as their own."""
    files = small()
    snapshot = {**files[f"{SOURCE}/snapshots.json"]["Snapshots"][0], "OwnerId": TARGET}
    files[f"{TARGET}/snapshots.json"] = {"Snapshots": [snapshot]}
    url = here[0].endpoint
    done = reseal("world", "import", str(write(tmp_path, files)), "--endpoint", url, "--world", "nothing")
    assert done.returncode == 2
    assert "the world holds another snapshot as snap-0fedcba9876543210" in done.stderr
    assert "nothing" not in [one["name"] for one in here[0].rest("")["worlds"]]


# what is not told


def test_what_the_files_do_not_tell_is_said(here: tuple[World, Estate], tmp_path: Path) -> None:
    done = reseal("world", "import", str(write(tmp_path, small())), "--endpoint", here[0].endpoint, "--world", "small")
    assert done.returncode == 0, done.stderr
    for said in (
        f"{SOURCE}/key-{KEY}.json: the key's state is not told: it is Enabled",
        f"{SOURCE}/key-{KEY}.json: its grants are not told: it has none",
        f"{TARGET}/role-importer.json: its unique id, path and tags are not told",
        f"{TARGET}/role-importer.json: its trust policy is not told: nobody may assume it",
        "no organization.json: the accounts are in no organization",
    ):
        assert f"assumed: {said}" in done.stdout
    world = World(here[0].endpoint, "small")
    copy = {"SourceRegion": REGION, "SourceSnapshotId": "snap-0fedcba9876543210"}
    _, calls = world.came_of(f"{TARGET}/role/importer", "ec2", "copy_snapshot", **copy)
    assert ("ec2:CopySnapshot", "KeyNotAccessible", "BOUNDARY_SILENT") in calls or calls[-1][2].startswith("BOUNDARY")


def test_a_key_of_a_custom_key_store_is_left_out(here: tuple[World, Estate], tmp_path: Path) -> None:
    files = small()
    files[f"{SOURCE}/key-{KEY}.meta.json"] = {
        "KeyMetadata": {"KeyId": KEY, "Arn": ARN, "KeyState": "Enabled", "Origin": "AWS_CLOUDHSM"}
    }
    done = reseal("world", "import", str(write(tmp_path, files)), "--endpoint", here[0].endpoint, "--world", "store")
    assert f"left out: {ARN}: reseal does not simulate custom key stores (Origin AWS_CLOUDHSM)" in done.stdout


def test_a_placed_aws_policy_counts_as_the_account_had_it(here: tuple[World, Estate], tmp_path: Path) -> None:
    """AWS changes its policies; what an account had may differ from what reseal holds, or be unknown to it."""
    arn = "arn:aws:iam::aws:policy/service-role/Unknown"
    version = {"VersionId": "v3", "IsDefaultVersion": True, "Document": json.loads(document(allow("ec2:Describe*")))}
    policy = {"PolicyName": "Unknown", "Arn": arn, "DefaultVersionId": "v3", "PolicyVersionList": [version]}
    user = {"UserName": "ada", "UserId": "AIDAEXAMPLEEXAMPLE00", "AttachedManagedPolicies": [{"PolicyArn": arn}]}
    files = {f"{SOURCE}/authorization-details.json": {"UserDetailList": [user], "Policies": [policy]}}
    reseal("world", "import", str(write(tmp_path, files)), "--endpoint", here[0].endpoint, "--world", "aws-policy")
    world = World(here[0].endpoint, "aws-policy")
    assert world.client("ec2", f"{SOURCE}/user/ada").describe_volumes()["Volumes"] == []
    iam = world.client("iam", SOURCE)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v3"
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]["Document"]["Statement"]
    assert iam.get_account_authorization_details(Filter=["AWSManagedPolicy"])["Policies"][0]["Arn"] == arn
    assert iam.get_user(UserName="ada")["User"]["UserId"] == "AIDAEXAMPLEEXAMPLE00"


# what is wrong

MISTAKES: tuple[tuple[str, str, str], ...] = (
    (f"{SOURCE}/aliases.json", "{\n nonsense", ":2:2: "),
    (f"{SOURCE}/aliases.json", '{"Alias": []}', ":1:1: has no Aliases, which kms ListAliases answers"),
    (f"{SOURCE}/aliases.json", '{"Aliases": [\n {"TargetKeyId": "x"}]}', ":2:2: /Aliases/0: lacks AliasName"),
    (f"{SOURCE}/snapshots.json", '[{"SnapshotId": "snap-1", "State": "done"}]', ":1:36: /0/State: is none of pending"),
    (f"{SOURCE}/volumes.json", '{"Volumes": [{"VolumeId": 7}]}', ":1:27: /Volumes/0/VolumeId: is no text"),
    (f"{SOURCE}/volumes.json", '{"Volumes": 7}', ":1:13: /Volumes: is no list (VolumeList)"),
    (f"{SOURCE}/key-{KEY}.json", '{"Policy": "{}"}', ":1:1: holds no policy document"),
    (f"{SOURCE}/key-{KEY}.json", '{"Statement": [\n {"Effect": "Maybe"}]}', ":2:"),
    (f"{SOURCE}/key-{KEY}.meta.json", '{"KeyMetadata": {"KeyState": 1}}', ":1:30: /KeyMetadata/KeyState: is no text"),
    (f"{SOURCE}/key-{KEY}.meta.json", '{"KeyMetadata": {"KeyState": "Fine"}}', ":1:30: /KeyMetadata/KeyState: is none"),
    (f"{SOURCE}/key-{KEY}.meta.json", f'{{"KeyMetadata": {{"Arn": "{ARN[:-1]}c"}}}}', "which belongs elsewhere"),
    (f"{SOURCE}/key-{KEY}.grants.json", '{"Grants": [{"GrantId": "g"}]}', ":1:13: /Grants/0: lacks Operations"),
    (f"{SOURCE}/ebs-defaults.json", '{"EbsEncryptionByDefault": "yes"}', "is neither true nor false"),
    (f"{SOURCE}/authorization-details.json", '{"RoleDetailList": [{"RoleName": "r"}]}', "lacks AssumeRolePolicy"),
    (f"{SOURCE}/xx-nowhere-1/aliases.json", '{"Aliases": []}', ": there is no Region xx-nowhere-1"),
    ("organization.json", "{}", ":1:1: tells no organization"),
)  # fmt: skip


@pytest.mark.parametrize(("file", "text", "said"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_told_at_its_place(tmp_path: Path, file: str, text: str, said: str) -> None:
    done = reseal("world", "import", str(write(tmp_path, {**small(), file: text})), "--check")
    assert done.returncode == 2
    assert file in done.stderr
    assert said in done.stderr
    assert "nothing was imported" in done.stderr


def test_the_server_tells_the_same_mistakes(here: tuple[World, Estate]) -> None:
    files = {name: json.dumps(body) for name, body in small().items()} | {f"{SOURCE}/volumes.json": '{"Volumes": 7}'}
    with pytest.raises(urllib.error.HTTPError) as refused:
        here[0].rest("/real/import", {"files": files})
    told = json.loads(refused.value.read())["error"]
    assert told["code"] == "InvalidCapture"
    assert [(one["file"], one["line"], one["column"]) for one in told["mistakes"]] == [
        (f"{SOURCE}/volumes.json", 1, 13)
    ]


def test_no_door_leads_to_internal_operations(cloud: Any) -> None:
    reply = cloud.call(Request("reseal:PlaceKeys", {"keys": []}, root_of(SOURCE), REGION))
    assert reply.error is not None
    assert "reseal does not simulate" in reply.error.message


def test_a_folder_that_is_too_large_or_empty_is_refused(tmp_path: Path) -> None:
    done = reseal("world", "import", str(tmp_path), "--check")
    assert done.returncode == 2
    assert "holds no folder named after an account id" in done.stderr


# with it


def test_pseudonyms_stand_everywhere_and_change_no_outcome(
    here: tuple[World, Estate], folder: Path, tmp_path: Path
) -> None:
    world, estate = here
    out = tmp_path / "told.json"
    given = ["--endpoint", world.endpoint, "--world", "masked", "--pseudonyms", "--out", str(out)]
    done = reseal("world", "import", str(folder), *given)
    assert done.returncode == 0, done.stderr
    names = dict(line.split(" becomes ") for line in done.stderr.splitlines())
    masked = World(world.endpoint, "masked")
    renamed = Estate(names[estate.source], names[estate.target], {}, {}, {})
    everything = json.dumps(listed(masked, renamed, names[MANAGEMENT]), default=str)
    assert not [id for id in (estate.source, estate.target) if id in everything]
    assert json.loads(out.read_text())["made"]["key"] == len(estate.keys) + MORE_KEYS
    who, service, method, parameters = attempts(estate)[4]
    masked_who = who.replace(estate.target, names[estate.target])
    masked_parameters = json.loads(json.dumps(parameters).replace(estate.target, names[estate.target]))
    world.rest("/real/fork", {"name": "unmasked"})
    there = World(world.endpoint, "unmasked").came_of(who, service, method, **parameters)
    assert masked.came_of(masked_who, service, method, **masked_parameters)[1] == there[1]


def test_the_same_folder_explains_an_event(here: tuple[World, Estate], folder: Path, tmp_path: Path) -> None:
    """A CloudTrail record of the real accounts, with the captured folder: the cause that the world itself knows."""
    world, estate = here
    world.rest("/real/fork", {"name": "told"})
    real = World(world.endpoint, "told")
    _, calls = real.came_of(
        f"{estate.target}/role/reader", "ec2", "create_volume",
        SnapshotId=estate.snapshots["shared"], AvailabilityZone=f"{REGION}a",
    )  # fmt: skip
    events = real.client("cloudtrail", estate.target).lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateVolume"}]
    )["Events"]
    event = tmp_path / "event.json"
    refused = next(one for one in events if "reader" in one["CloudTrailEvent"])
    event.write_text(refused["CloudTrailEvent"])
    done = reseal("explain", str(event), "--policies", str(folder), "--json")
    told = json.loads(done.stdout)
    assert told["cause"] == calls[0][2] == "IDENTITY_SILENT"
    assert told["because"]["file"] == f"{estate.target}/authorization-details.json"


def test_a_plan_is_the_same_for_the_same_folder(folder: Path) -> None:
    files = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.json")}
    plans = [planned(captured(Folder(given))) for given in (folder, files, dict(reversed(files.items())))]
    assert plans[0].parts == plans[1].parts == plans[2].parts


def test_worlds_are_made_forked_listed_and_dropped(here: tuple[World, Estate]) -> None:
    at = ("--endpoint", here[0].endpoint)
    assert reseal("world", "new", "first", "--seed", "7", *at).returncode == 0
    assert json.loads(reseal("world", "fork", "first", "second", "--json", *at).stdout)["name"] == "second"
    names = [line.split()[0] for line in reseal("world", "list", *at).stdout.splitlines()]
    assert {"first", "second"} <= set(names)
    again = reseal("world", "new", "first", *at)
    assert (again.returncode, again.stdout) == (2, "")
    assert "a world of that name exists" in again.stderr
    assert reseal("world", "drop", "first", *at).returncode == 0
    assert reseal("world", "drop", "first", *at).returncode == 2
    assert reseal("world", "list", "--endpoint", "http://127.0.0.1:9").returncode == 3


def test_env_signs_in_as_an_imported_user_or_role(here: tuple[World, Estate], copy: World) -> None:
    account = here[1].target
    role = json.loads(reseal("env", account, "--role", "reader", "--endpoint", copy.url, "--format", "json").stdout)
    keys = {
        "aws_access_key_id": role["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": role["AWS_SECRET_ACCESS_KEY"],
        "aws_session_token": role["AWS_SESSION_TOKEN"],
    }  # fmt: skip
    copy.keys["signed-in"] = keys
    assert ":assumed-role/reader/" in copy.client("sts", "signed-in").get_caller_identity()["Arn"]
    nobody = reseal("env", account, "--role", "nobody", "--endpoint", copy.url)
    assert nobody.returncode == 3
    assert f"account {account} has no role nobody" in nobody.stderr
