"""Both sides of one API: the client of one bench against the MaEVe API that another bench serves."""

from __future__ import annotations

from pathlib import Path

from bench.clock import SystemClock
from bench.codecs.maeve import MaeveToken, StationAuth
from bench.journal.log import Journal
from bench.maeve_desk import MaeveDesk, key_codes_of
from bench.settings import MaeveSettings
from bench.tokens.maeve_authority import MaeveAuthority
from bench.tokens.model import Ask, AuthorizationStatus, IdTokenType
from bench.tokens.store import TokenStore
from bench.tokens.sync import Direction, Kind
from devices.maeve import connector
from fixtures.samples import sample_tokens
from tests.e2e.world import ACCEPTED_UID, BLOCKED_UID, options, running
from tests.maeve_world import LOCATION, PEM, digest_of, token_here, token_there


async def test_two_benches_become_equal(tmp_path: Path) -> None:
    """The one that serves has the sample tokens; it keeps its key code to itself, and gets what the other one has."""
    async with (
        running(options(tmp_path, api="127.0.0.1:0")) as there,
        TokenStore(f"sqlite:///{tmp_path / 'other.db'}") as here,
    ):
        assert there.api is not None
        url = there.api.url
        connect = connector(Journal(), SystemClock(), lambda status: None, key_codes_of(here), lambda name: None)
        desk = MaeveDesk(here, connect, MaeveSettings(url=url))
        await here.put_many([*sample_tokens()[:4], token_here("04FF00AA11BB22")])
        before = await desk.compare(url)
        assert before.doubt == ""
        assert before.counts()[Kind.EQUAL] == 4
        assert before.counts()[Kind.HERE] == 1
        report = await desk.apply(url, desk.plan(url, before, Direction.BOTH))
        assert report.ok
        assert there.session.store.get("04FF00AA11BB22") is not None
        after = await desk.compare(url)
        assert after.counts().keys() == {Kind.EQUAL}
        assert after.held_back == 1
        assert here.get("481516") is None
        pulled = here.get(BLOCKED_UID)
        assert pulled is not None
        assert pulled.effective_status is AuthorizationStatus.BLOCKED
        assert pulled.source == f"maeve {url}"


async def test_one_bench_is_the_authority_of_another(tmp_path: Path) -> None:
    async with running(options(tmp_path, api="127.0.0.1:0")) as there:
        assert there.api is not None
        connect = connector(Journal(), SystemClock(), lambda status: None, lambda uid: False, lambda name: None)
        peer = await connect(MaeveSettings(url=there.api.url))
        authority = MaeveAuthority(peer, lambda *finding: None)
        known = await authority.ask(Ask(ACCEPTED_UID.lower(), IdTokenType.ISO14443))
        assert known is not None
        assert known.accepted
        assert known.token is not None
        assert known.token.label == "TAG-7"
        blocked = await authority.ask(Ask(BLOCKED_UID, IdTokenType.ISO14443))
        assert blocked is not None
        assert blocked.status is AuthorizationStatus.INVALID
        assert await authority.ask(Ask("04DEADBEEF0102", IdTokenType.ISO14443)) is None
        refused = await peer.set_token(
            MaeveToken("X" * 40, "GB", "TWK", "RFID", "GBTWK012345678V", "I", True, "ALWAYS")
        )
        assert refused.status in (400, 422)
        assert refused.error
        await peer.close()


async def test_every_operation_is_understood_by_the_api_that_a_bench_serves(tmp_path: Path) -> None:
    """Where the true server differs from its description, a bench does what is described: no answer has a fault."""
    async with running(options(tmp_path, api="127.0.0.1:0")) as there:
        assert there.api is not None
        connect = connector(Journal(), SystemClock(), lambda status: None, lambda uid: False, lambda name: None)
        peer = await connect(MaeveSettings(url=there.api.url))
        auth = StationAuth.of_ocpp(1, "sixteen-characters")
        answers = [
            await peer.register_station("CP-9", auth),
            await peer.station_auth("CP-9"),
            await peer.reconfigure("CP-9", {"AuthCtrlr/LocalPreAuthorize": "false"}),
            await peer.install_certificates("CP-9", [("V2G", PEM)]),
            await peer.trigger("CP-9", "BootNotification"),
            await peer.set_token(token_there("04A2")),
            await peer.lookup_token("04A2"),
            await peer.page_of_tokens(0),
            await peer.upload_certificate(PEM),
            await peer.lookup_certificate(digest_of(PEM)),
            await peer.delete_certificate(digest_of(PEM)),
            await peer.register_party("a-token-of-some-length"),
            await peer.register_location("depot", LOCATION),
        ]
        assert [answer.status for answer in answers] == [
            201,
            200,
            200,
            200,
            200,
            201,
            200,
            200,
            201,
            200,
            204,
            201,
            201,
        ]
        assert [fault for answer in answers for fault in answer.faults] == []
        assert answers[1].body == auth
        assert answers[9].body == PEM
        assert (await peer.delete_certificate(digest_of(PEM))).missing
        assert (await peer.upload_certificate("no PEM")).status == 400
        await peer.close()
