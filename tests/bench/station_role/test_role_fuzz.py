"""Whatever a CSMS sends: no crash, and every call of it is answered."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bench.station_role.rolebook import RoleBook

VERSIONS = ["1.6", "2.0.1", "2.1"]

FRAMES = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
    st.tuples(
        st.integers(0, 7),
        st.text(max_size=40),
        st.sampled_from(["SendLocalList", "ClearCache", "Authorize", "Reset", "x"]),
        st.dictionaries(st.sampled_from(["type", "listVersion", "updateType", "status"]), st.integers() | st.text()),
    ).map(lambda frame: json.dumps(frame).encode()),
)


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(frames=st.lists(FRAMES, max_size=8))
def test_nothing_a_csms_sends_breaks_it(version: str, frames: list[bytes]) -> None:
    async def play() -> None:
        up = RoleBook(version).accepted()
        for frame in frames:
            before = len(up.dialer.sent)
            up.desk.csms_frame(frame, up.clock.stamp())
            decoded = list(up.journal.since(0))[-1].decoded
            if decoded.kind == "CALL":
                assert any(sent[0] in (3, 4) for sent in up.dialer.sent[before:])
        assert up.calls("ClearCache") == {"status": "Accepted"}
        await up.desk.stop()

    asyncio.run(play())
