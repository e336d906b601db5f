"""Who can read, by which way, resting on what; what an edit takes from whom; in a share whose every part is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import networkx as nx
import pytest

from app.graph import asking
from app.graph.build import Graph, build
from app.graph.draw import MARKED
from app.graph.edits import Asked, CannotEdit, InvalidEdit, call_edit, edit_of, policy_edit
from app.graph.questions import NoSuchNode
from app.graph.who import NoSuchPrincipal, Who, named
from app.kernel import authority
from app.kernel.call import root_of
from app.kernel.cloud import Cloud
from tests.ebs_compute import machines
from tests.sharing.accounts import NOTHING, SOURCE, TARGET, THIRD, ZONE, Share, allow, deny, document, root

RESTORER = f"arn:aws:iam::{TARGET}:user/restorer"
ELSEWHERE = "copy us-west-2"  # stands for every Region in which the account has no key
WAYS = ["direct", "volume", "copy", ELSEWHERE, "restore"]


def graph_of(cloud: Cloud) -> Graph:
    return build(cloud.services, cloud.world)


def asked(share: Share, of: str, *who: str) -> dict:
    """The answer as JSON; of one principal its own row."""
    graph, people = graph_of(share.cloud), [named(share.cloud, name) for name in who]
    return as_read(asking.readers(share.cloud, graph, of, people), graph)


def as_read(answer: asking.Answer, graph: Graph) -> dict:
    """As somebody reads it who was sent the JSON."""
    return json.loads(asking.told(answer, graph, "json"))


def one(share: Share, of: str, who: str) -> dict:
    (found,) = asked(share, of, who)["readers"]
    return found


def test_everybody_to_whom_a_snapshot_is_open_is_asked_and_nobody_else(share: Share) -> None:
    """Goal: the roots, users and roles of the owner and of the accounts it is shared with."""
    found = asked(share, share.things.snapshot)
    assert [each["who"] for each in found["readers"]] == [SOURCE, TARGET, RESTORER]
    assert all(each["by"] == WAYS for each in found["readers"])
    assert found["holds"] is True


def test_a_way_names_the_statements_of_both_accounts_that_allowed_it(share: Share) -> None:
    direct = one(share, share.things.snapshot, RESTORER)["ways"][0]
    places = [(each["layer"], each["attached_to"], each["actions"]) for each in direct["grounds"]]
    assert ("resource", share.things.source_key, ["kms:Decrypt", "kms:DescribeKey"]) in places
    assert ("identity", RESTORER, ["ebs:GetSnapshotBlock", "ebs:ListSnapshotBlocks"]) in places
    assert direct["calls"] == ["ebs:ListSnapshotBlocks", "ebs:GetSnapshotBlock"]


def test_a_reader_rests_on_the_share_the_statement_and_the_chain_of_keys(share: Share) -> None:
    edges = one(share, share.things.snapshot, RESTORER)["edges"]
    assert ["shared-with", share.things.snapshot, TARGET, "createVolumePermission"] in edges
    assert ["delegates", share.things.source_key, TARGET, "Statement[1]"] in edges
    assert {"encrypts", "wraps", "material-of"} <= {edge[0] for edge in edges}


def test_who_can_not_read_is_told_the_first_refusal_and_its_cause(share: Share) -> None:
    silent = share.with_(target_iam_on_source_key=NOTHING)
    found = one(silent, share.things.snapshot, RESTORER)
    assert (found["reads"], found["by"]) == (False, [])
    stop = found["ways"][0]["stop"]
    assert (stop["call"], stop["refused"], stop["cause"]) == (
        "ebs:ListSnapshotBlocks", "kms:DescribeKey", "IDENTITY_SILENT",
    )  # fmt: skip
    assert stop["resource"] == share.things.source_key


def test_a_grant_can_be_what_a_way_rests_on(share: Share) -> None:
    """Method: the key policy says nothing of the target; a grant does."""
    granted = share.with_(source_key_policy=allow(f"arn:aws:iam::{TARGET}:root", "kms:DescribeKey"))
    asked_for = {"GranteePrincipal": RESTORER, "Operations": ["Decrypt", "DescribeKey"]}
    assert one(granted, share.things.snapshot, RESTORER)["by"] == []
    grant = granted.source.do("kms:CreateGrant", KeyId=share.things.source_key, **asked_for)["GrantId"]
    found = one(granted, share.things.snapshot, RESTORER)
    assert found["by"] == ["direct"]
    assert ("grant", grant) in [(each["layer"], each["policy"]) for each in found["ways"][0]["grounds"]]
    assert [edge[0] for edge in found["edges"] if grant in edge] == ["grant-of", "grants"]


def test_a_copy_under_a_key_of_ones_own_is_a_way_where_reading_the_source_is_none(share: Share) -> None:
    """Goal: who may make grants but never decrypt copies first. The copy's own key then lets it read."""
    on_source = (*allow("kms:CreateGrant", "kms:DescribeKey"), *deny("kms:Decrypt", "kms:ReEncryptFrom"))
    found = one(share.with_(target_iam_on_source_key=on_source), share.things.snapshot, RESTORER)
    assert found["by"] == ["copy", ELSEWHERE]


def test_an_image_lets_in_an_account_that_the_snapshot_is_not_shared_with(share: Share) -> None:
    """Goal: a launch reads the snapshot by the image's permission; the key is asked all the same."""
    apart = share.with_(is_shared=False)
    image = machines.register(apart.source, share.things.snapshot)
    assert [each["who"] for each in asked(apart, share.things.snapshot)["readers"]] == [SOURCE]
    machines.open_to(apart.source, image, TARGET)
    found = {each["who"]: each["by"] for each in asked(apart, share.things.snapshot)["readers"]}
    assert found[RESTORER] == [f"launch {image}"]
    assert asked(apart, image, RESTORER)["readers"][0]["by"] == [f"launch {image}"]


def test_a_public_snapshot_is_read_by_everyone_but_not_by_the_direct_apis(share: Share) -> None:
    source = share.source
    plain = source.write({0: 1})
    assert source.share(plain, group="all").error is None
    found = {each["who"]: each["by"] for each in asked(share, plain)["readers"]}
    assert found["everyone"] == ["volume", "copy", ELSEWHERE, "restore"]


def test_a_volume_is_read_by_attaching_it_or_through_a_snapshot(share: Share) -> None:
    assert one(share, share.things.volume, SOURCE)["by"] == ["attach", "snapshot"]


def test_an_attached_volume_is_told_apart(share: Share) -> None:
    """Goal: what becomes of the key does not stop a machine that holds the volume open."""
    source = share.source
    plain = machines.register(source, source.write({0: 9}))
    machine = machines.launch(source, plain, Placement={"AvailabilityZone": ZONE})
    machines.attach(source, share.things.volume, machine)
    held = [{"volume": share.things.volume, "instance": machine}]
    assert asked(share, share.things.volume)["attached"] == held
    graph = graph_of(share.cloud)
    edit = edit_of(graph, share.cloud.world, "disable", Asked(share.things.source_key))
    assert asking.impact(share.cloud, graph, edit).facts["attached"] == held


@pytest.mark.parametrize("name", [RESTORER, f"{TARGET}/restorer", f"{TARGET}/user/restorer", f"{TARGET}/RESTORER"])
def test_a_principal_is_named_as_people_name_it(share: Share, name: str) -> None:
    assert named(share.cloud, name).id == RESTORER


@pytest.mark.parametrize("name", [f"{TARGET}/root", TARGET, f"arn:aws:iam::{TARGET}:root"])
def test_an_account_is_asked_as_its_root(share: Share, name: str) -> None:
    assert named(share.cloud, name).caller == root_of(TARGET)


def test_an_unknown_principal_is_refused_with_what_is_written_alike(share: Share) -> None:
    with pytest.raises(NoSuchPrincipal, match=f"no principal is '{TARGET}/restore': {TARGET}/restorer"):
        named(share.cloud, f"{TARGET}/restore")


def test_what_holds_no_blocks_is_refused_in_words(share: Share) -> None:
    with pytest.raises(NoSuchNode, match="ask for a snapshot, volume or image"):
        asking.readers(share.cloud, graph_of(share.cloud), share.things.source_key)


def test_asking_leaves_no_trace(share: Share) -> None:
    world = share.cloud.world
    asked(share, share.things.snapshot)
    assert share.cloud.world.position == world.position
    assert share.cloud.world == world
    assert len(list(share.cloud.world.log.entries())) == len(list(world.log.entries()))


def test_a_question_about_one_principal_costs_the_same_whatever_there_is_to_read(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: no time is spent on blocks or on other principals. Method: the policy decisions are counted."""
    small = share.source.write({0: 1}, Encrypted=True, KmsKeyArn=share.things.source_key)
    large = share.source.write(dict.fromkeys(range(40), 1), Encrypted=True, KmsKeyArn=share.things.source_key)
    who = named(share.cloud, SOURCE)
    counts = []
    for id in (small, large):
        with counted(monkeypatch) as decisions:
            asking.readers(share.cloud, graph_of(share.cloud), id, [who])
        counts.append(len(decisions))
    assert counts[0] == counts[1]
    assert counts[0] <= 55


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    seen: list[str] = []
    decide = authority.decide

    def counting(question: authority.Question, **how: bool) -> authority.Decision:
        seen.append(question.action)
        return decide(question, **how)

    with monkeypatch.context() as patch:
        patch.setattr(authority, "decide", counting)
        yield seen


# impact


@pytest.mark.parametrize(
    ("edit", "asked_with", "losers", "cause"),
    [
        ("disable", {}, {SOURCE, TARGET, RESTORER}, "KEY_DISABLED"),
        ("schedule", {}, {SOURCE, TARGET, RESTORER}, "KEY_PENDING_DELETION"),
        ("delete", {"days": 7}, {SOURCE, TARGET, RESTORER}, "KEY_NOT_FOUND"),
        ("remove-statement", {"statement": "Statement[1]"}, {TARGET, RESTORER}, "KEY_POLICY_SILENT"),
    ],
)
def test_an_edit_of_the_key_takes_reads_from_whom_it_concerns(
    share: Share, edit: str, asked_with: dict, losers: set[str], cause: str
) -> None:
    cloud, graph = share.cloud, graph_of(share.cloud)
    made = edit_of(graph, cloud.world, edit, Asked(share.things.source_key, **asked_with))
    facts = asking.impact(cloud, graph, made, of=[share.things.snapshot]).facts
    assert {turn["who"] for turn in facts["turns"] if turn["lost"]} == losers
    assert {turn["stop"]["stop"]["cause"] for turn in facts["turns"]} == {cause}


def test_a_scheduled_deletion_says_until_when_it_can_be_cancelled(share: Share) -> None:
    graph = graph_of(share.cloud)
    edit = edit_of(graph, share.cloud.world, "schedule", Asked(share.things.source_key, days=10))
    (note,) = asking.impact(share.cloud, graph, edit, of=[share.things.snapshot]).facts["notes"]
    assert note.startswith("it can be cancelled until 2026-01-11T")


def test_what_stops_being_shared_is_lost_to_the_other_account_alone(share: Share) -> None:
    graph = graph_of(share.cloud)
    edit = edit_of(graph, share.cloud.world, "unshare", Asked(share.things.snapshot, TARGET))
    answer = asking.impact(share.cloud, graph, edit)
    assert {turn["who"] for turn in answer.facts["turns"]} == {TARGET, RESTORER}
    assert answer.facts["unreadable"] == []


def test_where_the_root_may_not_the_first_that_may_makes_the_edit_and_the_answer_says_so(share: Share) -> None:
    source = share.source
    keeper = source.user("keeper", *allow("kms:*")).caller.arn
    policy = document(allow(keeper, "kms:*"))
    source.do("kms:PutKeyPolicy", KeyId=share.things.source_key, Policy=policy, BypassPolicyLockoutSafetyCheck=True)
    graph = graph_of(share.cloud)
    edit = edit_of(graph, share.cloud.world, "disable", Asked(share.things.source_key))
    notes = asking.impact(share.cloud, graph, edit, of=[share.things.snapshot]).facts["notes"]
    assert notes == (f"{keeper} has to do it: the account's root may not",)


def test_an_edit_that_nobody_may_make_is_refused_in_aws_words(share: Share) -> None:
    managed = share.source.do("kms:DescribeKey", KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    graph = graph_of(share.cloud)
    edit = edit_of(graph, share.cloud.world, "disable", Asked(managed))
    with pytest.raises(CannotEdit, match="kms:DisableKey is refused: "):
        asking.impact(share.cloud, graph, edit)


@pytest.mark.parametrize(
    ("name", "of", "more", "words"),
    [
        ("melt", "source_key", {}, "there is no edit 'melt': disable, "),
        ("disable", "snapshot", {}, "takes a key, and snap-.* is a snapshot"),
        ("unshare", "snapshot", {}, "say which account"),
        ("unshare", "snapshot", {"account": THIRD}, f"is not shared with {THIRD}"),
        ("remove-statement", "source_key", {"statement": "X"}, "has no statement 'X': Statement"),
    ],
)
def test_what_is_no_edit_is_said_in_words(share: Share, name: str, of: str, more: dict, words: str) -> None:
    graph = graph_of(share.cloud)
    with pytest.raises(InvalidEdit, match=words):
        edit_of(graph, share.cloud.world, name, Asked(getattr(share.things, of), **more))


def test_what_one_call_would_change_is_told_for_graph_and_readers(share: Share) -> None:
    graph = graph_of(share.cloud)
    edit = call_edit(root_of(SOURCE), "kms:DisableKey", "us-east-1", {"KeyId": share.things.source_key})
    answer = asking.edited(share.cloud, graph, edit)
    (changed,) = answer.facts["change"]["changed"]["nodes"]
    assert (changed["before"]["state"], changed["after"]["state"]) == ("Enabled", "Disabled")
    assert {turn["who"] for turn in answer.facts["turns"] if turn["thing"] == share.things.snapshot} == {
        SOURCE, TARGET, RESTORER,
    }  # fmt: skip


def test_what_one_policy_file_would_change_is_told_for_those_who_gain(share: Share) -> None:
    """Method: the target's user lacks kms on the source key; the policy gives it."""
    silent = share.with_(target_iam_on_source_key=NOTHING)
    graph = graph_of(silent.cloud)
    edit = policy_edit(graph, graph.nodes[RESTORER], document(allow("kms:*")))
    answer = asking.edited(silent.cloud, graph, edit, of=[share.things.snapshot])
    (turn,) = as_read(answer, graph)["turns"]
    assert (turn["who"], turn["before"], turn["after"]) == (RESTORER, [], WAYS)


def test_a_call_is_made_as_nobody_but_its_own_caller(share: Share) -> None:
    graph = graph_of(share.cloud)
    edit = call_edit(
        named(share.cloud, RESTORER).caller, "kms:DisableKey", "us-east-1", {"KeyId": share.things.own_key}
    )
    with pytest.raises(CannotEdit, match="AccessDenied"):
        asking.edited(share.cloud, graph, edit)


# forms


def answers(share: Share) -> Iterator[tuple[asking.Answer, Graph]]:
    """One of every question."""
    copy = share.copy_to_target().id
    cloud, graph = share.cloud, graph_of(share.cloud)
    things, people = share.things, list[Who]()
    disable = edit_of(graph, cloud.world, "disable", Asked(things.source_key))
    call = call_edit(root_of(SOURCE), "kms:DisableKey", "us-east-1", {"KeyId": things.source_key})
    yield asking.readers(cloud, graph, things.snapshot, people), graph
    yield asking.depends(graph, copy), graph
    yield asking.path(graph, copy, things.target_key), graph
    yield asking.independent(graph, things.snapshot, SOURCE), graph
    yield asking.impact(cloud, graph, disable), graph
    yield asking.edited(cloud, graph, call, of=[things.snapshot]), graph
    yield asking.difference(graph_of(share.base), graph), graph


@pytest.mark.parametrize("format", asking.FORMATS)
def test_every_answer_comes_in_every_form_and_its_nodes_and_edges_are_marked(share: Share, format: str) -> None:
    for answer, graph in answers(share):
        text = asking.told(answer, graph, format)
        assert text.endswith("\n")
        if format == "svg":
            assert text.count("</svg>") == 1
        if format in MARKED and format not in ("graph", "graphml"):
            assert any(sign in text for sign in "●+−≠"), (answer.question, format)


def test_networkx_reads_what_is_exported_with_the_marks(share: Share) -> None:
    for answer, graph in answers(share):
        theirs = nx.parse_graphml(asking.told(answer, graph, "graphml"), force_multigraph=True)
        ours = nx.node_link_graph(json.loads(asking.told(answer, graph, "graph")), edges="edges")
        assert set(theirs.nodes) == set(ours.nodes)
        assert sorted(theirs.edges(keys=True)) == sorted(ours.edges(keys=True))
        marked = {id for id, mark in ours.nodes(data="mark") if mark}
        assert marked == {id for id, mark in theirs.nodes(data="mark") if mark}
        assert marked == {node.id for node in answer.finding.nodes}, answer.question


def test_the_same_question_has_the_same_answer_to_the_byte(share: Share) -> None:
    first = [asking.told(answer, graph, "json") for answer, graph in answers(share)]
    again = share.with_(is_shared=True)
    assert first == [asking.told(answer, graph, "json") for answer, graph in answers(again)]


def test_a_root_that_is_asked_needs_no_record(share: Share) -> None:
    """Goal: in an open world every account exists."""
    assert root(share.cloud, THIRD).caller == named(share.cloud, THIRD).caller
    assert one(share, share.things.snapshot, THIRD)["ways"][0]["stop"]["cause"] == "SNAPSHOT_NOT_SHARED"
