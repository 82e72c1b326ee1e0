"""Every operation against the simulated MaEVe: what is sent, what comes back, what the journal and the link say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bench.clock import SystemClock
from bench.codecs.maeve import MaeveToken, Outcome, StationAuth
from bench.errors import BadInput, LinkDown, OperatorError
from bench.http_record import HttpAsked, HttpSaid
from bench.journal.log import Journal
from bench.maeve_desk import Connect
from bench.maeve_peer import list_tokens
from bench.masking import message_json
from bench.message import Direction, Link
from bench.ports import LinkState, LinkStatus
from bench.settings import MaeveSettings
from devices.maeve import MaeveClient, base_url, connector
from fixtures.http_peer import Trouble
from fixtures.maeve import SimulatedMaeve
from tests.maeve_world import LOCATION, PEM, client_of, token_there


def connecting(journal: Journal, secret: Callable[[str], str | None]) -> Connect:
    return connector(journal, SystemClock(), lambda status: None, lambda uid: False, secret)


async def test_every_operation_reaches_the_server() -> None:
    async with SimulatedMaeve() as maeve, client_of(maeve) as client:
        auth = StationAuth.of_ocpp(1, "secret")
        answers = [
            await client.register_station("CP 1/2", auth),
            await client.reconfigure("CP 1/2", {"OCPPCommCtrlr/HeartbeatInterval": "60"}),
            await client.install_certificates("CP 1/2", [("V2G", PEM)]),
            await client.trigger("CP 1/2", "BootNotification"),
            await client.set_token(token_there("04A2", contract_id="gb-twk-012345678")),
            await client.register_party("a-token", status="REGISTERED"),
            await client.register_location("depot", LOCATION),
        ]
        assert [answer.status for answer in answers] == [201, 200, 200, 201, 201, 201, 201]
        assert all(answer.ok for answer in answers)
        state = maeve.state
        assert list(state.stations) == ["CP 1/2"]
        assert state.settings == {"CP 1/2": {"OCPPCommCtrlr/HeartbeatInterval": "60"}}
        assert state.installs["CP 1/2"] == [{"type": "V2G", "certificate": PEM}]
        assert state.triggers == {"CP 1/2": "BootNotification"}
        assert state.parties == {"a-token": {"token": "a-token", "status": "REGISTERED"}}
        assert state.locations == {"depot": LOCATION}
        assert (await client.station_auth("CP 1/2")).body == auth
        assert (await client.station_auth("cp 1/2")).missing
        found = (await client.lookup_token("04A2")).body
        assert isinstance(found, MaeveToken)
        assert found.contract_id == "GBTWK012345678V"
        assert (await client.lookup_token("04a2")).missing


async def test_refusals_are_answers_and_the_link_stays_up() -> None:
    told: list[LinkStatus] = []
    async with SimulatedMaeve(ocpi=False) as maeve, client_of(maeve, status=told.append) as client:
        refused = [
            await client.set_token(token_there(contract_id="nonsense")),
            await client.install_certificates("CP", [("V2G", "no PEM")]),
            await client.register_party("t"),
            await client.register_location("depot", LOCATION),
        ]
        maeve.fail(Trouble.SERVER_ERROR)
        refused.append(await client.lookup_token("04A2"))
    assert [answer.status for answer in refused] == [400, 400, 404, 404, 500]
    assert {answer.outcome for answer in refused} == {Outcome.REFUSED}
    assert refused[0].error == "Bad Request: emaid nonsense is invalid"
    assert refused[4].error == "Internal Server Error: store: no space"
    assert {status.state for status in told} == {LinkState.UP}


async def test_a_location_without_a_name_is_a_crash_there_and_that_is_told() -> None:
    async with SimulatedMaeve() as maeve, client_of(maeve) as client:
        answer = await client.register_location("depot", {**LOCATION, "name": None})
    assert answer.status == 500
    assert "crashes" in answer.cure


async def test_the_journal_has_every_request_and_answer() -> None:
    journal = Journal()
    async with SimulatedMaeve() as maeve, client_of(maeve, journal) as client:
        maeve.put(uid="04A2", partyId="TOOLONG")
        answer = await client.lookup_token("04A2")
        await client.trigger("CP", "BootNotification")
    asked, got, _, triggered = journal.since(0)
    assert (asked.link, asked.direction, asked.decoded.name) == (Link.MAEVE, Direction.OUT, "lookupToken")
    assert asked.decoded.body == HttpAsked("GET", "/api/v0/token/04A2", None)
    assert isinstance(got.decoded.body, HttpSaid)
    assert got.decoded.body.body["uid"] == "04A2"
    assert answer.seq == got.seq
    assert [(fault.rule, fault.where) for fault in got.decoded.faults] == [("maeve.token", "partyId")]
    assert [fault.rule for fault in triggered.decoded.faults] == ["maeve.status"]


async def test_key_codes_are_hidden_in_the_journal() -> None:
    journal = Journal()
    async with (
        SimulatedMaeve() as maeve,
        client_of(maeve, journal, is_key_code=lambda uid: uid == "481516") as client,
    ):
        await client.set_token(token_there("481516"), key_code=True)
        await client.page_of_tokens(0)
        assert "481516" in maeve.state.tokens
        maeve.fail(Trouble.GARBAGE)
        maeve.put(uid="04A2")
        await client.page_of_tokens(0)
    shown = str([message_json(message, exchange=None) for message in journal.since(0)])
    assert "481516" not in shown
    assert "••••" in shown
    answers = [message for message in journal.since(0) if message.direction is Direction.IN]
    assert not any(b"481516" in message.raw for message in answers)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Trouble.HANG_UP, "broke"),
        (Trouble.TRUNCATED, "broke"),
        (Trouble.HUGE, "more than"),
        (Trouble.REDIRECT, "redirects to"),
    ],
)
async def test_a_broken_link_is_faulty_with_a_cure_and_heals(trouble: Trouble, said: str) -> None:
    told: list[LinkStatus] = []
    async with SimulatedMaeve() as maeve, client_of(maeve, status=told.append) as client:
        maeve.put(uid="04A2")
        maeve.fail(trouble)
        with pytest.raises(LinkDown, match=said):
            await client.lookup_token("04A2")
        await client.lookup_token("04A2")
    assert [status.state for status in told] == [LinkState.FAULTY, LinkState.UP]
    assert told[0].name == "maeve"
    assert told[0].cure


@pytest.mark.parametrize("trouble", [Trouble.GARBAGE, Trouble.PLAIN_ERROR])
async def test_what_is_no_answer_of_maeve_is_a_fault_too(trouble: Trouble) -> None:
    told: list[LinkStatus] = []
    async with SimulatedMaeve() as maeve, client_of(maeve, status=told.append) as client:
        maeve.put(uid="04A2")
        maeve.fail(trouble)
        answer = await client.lookup_token("04A2")
    assert not answer.ok
    assert told[0].state is LinkState.FAULTY
    assert told[0].cure


async def test_a_server_that_never_answers_is_given_up() -> None:
    told: list[LinkStatus] = []
    async with SimulatedMaeve() as maeve, client_of(maeve, status=told.append, limit_s=0.05) as client:
        maeve.fail(Trouble.SLOW)
        with pytest.raises(LinkDown, match=r"did not answer within 0.05 s"):
            await client.lookup_token("04A2")
    assert told[-1].state is LinkState.FAULTY


async def test_a_proxy_before_it_may_want_credentials() -> None:
    journal = Journal()
    asked: list[str] = []

    def secret(name: str) -> str:
        asked.append(name)
        return "secret"

    async with SimulatedMaeve(credentials="Basic bWU6c2VjcmV0") as maeve:
        settings = MaeveSettings(url=maeve.url.removesuffix("/api/v0"), user="me")
        client = await connecting(journal, secret)(settings)
        assert (await client.lookup_token("04A2")).missing
        await client.close()
        async with client_of(maeve) as stranger:
            refused = await stranger.lookup_token("04A2")
    assert refused.status == 401
    assert "credentials" in refused.cure
    assert asked == [f"maeve:127.0.0.1:{settings.url.rpartition(':')[2]}"]
    assert b"bWU6c2VjcmV0" not in b"".join(message.raw for message in journal.since(0))


async def test_no_password_is_told_before_anything_is_sent() -> None:
    with pytest.raises(OperatorError, match="no password for maeve:h:9410") as failed:
        await connecting(Journal(), lambda name: None)(MaeveSettings(url="http://h:9410", user="me"))
    assert failed.value.cure == "keep it with: authbench secret set maeve:h:9410"


async def test_a_bearer_token_is_sent_where_the_profile_says_so() -> None:
    async with SimulatedMaeve(credentials="Bearer abc") as maeve:
        client = await connecting(Journal(), lambda name: "abc")(MaeveSettings(url=maeve.url, bearer=True))
        assert (await client.lookup_token("04A2")).missing
        await client.close()


@pytest.mark.parametrize("uid", ["a/b", "..", ".", "50%", "ä b", "x?y=1#z"])
async def test_any_uid_is_one_segment_of_the_path(uid: str) -> None:
    async with SimulatedMaeve() as maeve, client_of(maeve) as client:
        await client.lookup_token(uid)
    (request,) = maeve.requests
    assert request.path.startswith("/api/v0/token/")
    assert request.path.removeprefix("/api/v0/token/") == uid
    assert request.query == {}


async def test_an_empty_id_is_refused_before_anything_is_sent() -> None:
    async with SimulatedMaeve() as maeve, client_of(maeve) as client:
        with pytest.raises(BadInput):
            await client.lookup_token("")
    assert maeve.requests == []


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://h:9410", "http://h:9410/api/v0"),
        (" https://h/ ", "https://h/api/v0"),
        ("http://h:9410/api/v0/", "http://h:9410/api/v0"),
        ("http://h/maeve/api/v0", "http://h/maeve/api/v0"),
        ("http://[::1]:9410", "http://[::1]:9410/api/v0"),
    ],
)
def test_where_the_api_is(given: str, meant: str) -> None:
    assert base_url(given) == meant


@pytest.mark.parametrize(
    "url", ["", "h:9410", "ftp://h", "http://", "http://u:p@h", "http://h?x=1", "http://h#x", "http://h:99999"]
)
def test_what_is_no_url_of_an_api(url: str) -> None:
    with pytest.raises(BadInput):
        base_url(url)


async def test_all_tokens_are_read_from_a_list_without_order() -> None:
    async with SimulatedMaeve() as maeve, client_of(maeve) as client:
        for number in range(450):
            maeve.put(uid=f"{number:08X}")
        listing = await list_tokens(client.page_of_tokens)
    assert len(listing.tokens) == 450
    assert listing.doubt == ""
    assert listing.passes > 1


async def test_two_requests_may_be_under_way_at_once() -> None:
    async with SimulatedMaeve() as maeve, client_of(maeve) as client:
        for number in range(8):
            maeve.put(uid=str(number))
        answers = await asyncio.gather(*(client.lookup_token(str(number)) for number in range(8)))
    assert [answer.body.uid for answer in answers] == [str(number) for number in range(8)]  # type: ignore[attr-defined]
    assert isinstance(client, MaeveClient)
