"""The conversations with StrongLink and Ehuoyan readers, played by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.card import Technology
from bench.clock import NS_PER_MS, Stamp
from bench.codecs.serial_bytes import explain
from bench.errors import BadInput
from devices.rfid import aabb_frames as aabb
from devices.rfid import stronglink_frames as sl
from devices.rfid.cutting import IDLE_GAP_NS
from devices.rfid.driver import CardSeen, Flaw, Frame, Notice, PollEnded, Ready, Trouble
from devices.rfid.drivers import find
from tests.devices.rfid.driver_play import Play, cards_of, chopped, wire_of

UID4, UID7 = bytes.fromhex("5237AB3B"), bytes.fromhex("04A2B3C4D5E680")
SELECT, VERSION = bytes.fromhex("BA 02 01 B9"), bytes.fromhex("BA 02 F0 48")
VERSION_IS = sl.build_reply(sl.FIRMWARE, sl.OK, b"SL025-2.3")
NO_TAG = bytes.fromhex("BD 03 01 01 BE")
COLLISION = bytes.fromhex("BD 03 01 0A B5")
FOUR = bytes.fromhex("BD 08 01 00 52 37 AB 3B 03 42")
SEVEN = bytes.fromhex("BD 0B 01 00 04 A2 B3 C4 D5 E6 80 07 D2")

BEEP = bytes.fromhex("AA BB 06 00 FF FF 06 01 64 63")
ASK_AABB = {device: aabb.build(aabb.FIRMWARE, b"", device) for device in (b"\xff\xff", b"\x00\x00")}
REQUEST = aabb.build(aabb.REQUEST, b"\x52")
ANTICOLL = bytes.fromhex("AA BB 06 00 FF FF 02 02 04 04")
UL = aabb.build(aabb.UL_SELECT)


def said(code: int, status: int = aabb.OK, data: str = "") -> bytes:
    return aabb.build_reply(code, status, bytes.fromhex(data))


@pytest.fixture
def ba() -> Play:
    play = Play("stronglink")
    play.asked((VERSION, VERSION_IS))
    return play


@pytest.fixture
def yhy() -> Play:
    play = Play("stronglink_aabb")
    play.asked((ASK_AABB[b"\xff\xff"], aabb.build_reply(aabb.FIRMWARE, aabb.OK, b"YHY523U")))
    return play


def test_selects_again_and_again(ba: Play) -> None:
    assert ba.of(Ready) == [Ready("SL025-2.3")]
    ba.asked((SELECT, NO_TAG), (SELECT, FOUR), (SELECT, SEVEN))
    assert ba.uids() == ["5237AB3B", "04A2B3C4D5E680"]
    assert [ended.uids for ended in ba.of(PollEnded)] == [(), (UID4,), (UID7,)]
    card = ba.of(CardSeen)[0]
    assert (card.technology, card.raw, card.sak) == (Technology.ISO14443, FOUR, None)


def test_a_collision_is_told_once_and_again_after_it_ended(ba: Play) -> None:
    ba.asked((SELECT, COLLISION), (SELECT, COLLISION))
    assert [notice.rule for notice in ba.of(Notice)] == ["reader.collision"]
    assert not ba.of(PollEnded)  # cards are there: none was missed
    ba.asked((SELECT, FOUR), (SELECT, COLLISION))
    assert len(ba.of(Notice)) == 2


def test_a_command_that_came_broken_is_told_and_sent_again(ba: Play) -> None:
    ba.asked((SELECT, sl.build_reply(sl.SELECT_CARD, sl.CHECKSUM_ERROR)), (SELECT, FOUR))
    assert [notice.rule for notice in ba.of(Notice)] == ["reader.line"]
    assert ba.uids() == ["5237AB3B"]


def test_a_uid_of_another_length_is_told_and_is_no_card(ba: Play) -> None:
    ba.asked((SELECT, sl.build_reply(sl.SELECT_CARD, sl.OK, bytes(6))))
    assert [notice.rule for notice in ba.of(Notice)] == ["reader.uid-length"]
    assert not ba.of(CardSeen)


@pytest.mark.parametrize(("order", "line"), [("light on", "BA 03 40 01 F8"), ("light off", "BA 03 40 00 F9")])
def test_light_of_ba(ba: Play, order: str, line: str) -> None:
    ba.driver.order(order)
    ba.asked((bytes.fromhex(line), sl.build_reply(sl.RED_LED, sl.OK)), (SELECT, NO_TAG))
    assert not ba.of(Notice)
    ba.driver.order(order)
    ba.asked((bytes.fromhex(line), sl.build_reply(sl.RED_LED, sl.CHECKSUM_ERROR)))
    assert "wrong checksum" in ba.of(Notice)[-1].text
    with pytest.raises(BadInput, match="cannot beep"):
        ba.driver.order("beep")


def test_a_broken_answer_is_asked_for_again(ba: Play) -> None:
    assert ba.sends() == [SELECT]
    began = ba.clock.mono_ns
    ba.hears(FOUR[:-1] + b"\x43")
    while ba.sends() != [SELECT]:
        pass
    assert ba.clock.mono_ns - began < 2 * IDLE_GAP_NS
    ba.hears(FOUR)
    assert ba.uids() == ["5237AB3B"]
    assert [frame.flaw for frame in ba.of(Frame)] == [None, Flaw.CHECKSUM, None]


@pytest.mark.parametrize("name", ["stronglink", "stronglink_aabb"])
def test_a_port_without_such_a_reader(name: str) -> None:
    trouble = Play(name).until(Trouble, 5000)
    assert "answers on this port" in trouble.what
    assert "baud" in trouble.cure


def test_silence_is_trouble_then_it_is_found_again(ba: Play) -> None:
    assert "stopped answering" in ba.until(Trouble, 3000).what
    ba.asked((VERSION, VERSION_IS), (SELECT, FOUR))
    assert len(ba.of(Ready)) == 2


def test_request_anticollision_select(yhy: Play) -> None:
    assert yhy.of(Ready) == [Ready("YHY523U")]
    uid_frame = said(aabb.ANTICOLLISION, data="4CD90080")
    select = aabb.build(aabb.SELECT, bytes.fromhex("4CD90080"))
    yhy.asked((REQUEST, said(aabb.REQUEST, data="0400")), (ANTICOLL, uid_frame), (select, said(aabb.SELECT, data="08")))
    (card,) = yhy.of(CardSeen)
    assert (card.uid.hex().upper(), card.sak, card.atqa, card.raw) == ("4CD90080", 0x08, 0x0004, uid_frame)
    assert yhy.of(PollEnded)[-1].uids == (card.uid,)
    yhy.asked((REQUEST, bytes.fromhex("AA BB 06 00 00 00 01 02 14 17")))
    assert yhy.of(PollEnded)[-1].uids == ()


def test_a_card_that_is_not_selected_is_a_card(yhy: Play) -> None:
    select = aabb.build(aabb.SELECT, UID4)
    yhy.asked(
        (REQUEST, said(aabb.REQUEST, data="0400")),
        (ANTICOLL, said(aabb.ANTICOLLISION, data=UID4.hex())),
        (select, said(aabb.SELECT, aabb.FAILED)),
    )
    assert (yhy.uids(), yhy.of(CardSeen)[0].sak) == (["5237AB3B"], None)


@pytest.mark.parametrize("uid", [bytes.fromhex("12AA3456"), bytes.fromhex("AAAAAAAA"), bytes.fromhex("AABB0500")])
def test_aa_in_a_uid_is_stuffed_both_ways(yhy: Play, uid: bytes) -> None:
    select = aabb.build(aabb.SELECT, uid)
    assert select.count(b"\xaa\x00") >= uid.count(b"\xaa")
    yhy.asked(
        (REQUEST, said(aabb.REQUEST, data="0400")),
        (ANTICOLL, said(aabb.ANTICOLLISION, data=uid.hex())),
        (select, said(aabb.SELECT, data="08")),
    )
    assert yhy.uids() == [uid.hex().upper()]


@pytest.mark.parametrize("atqa", ["4400", "4403", "4200"])
def test_a_long_uid_by_the_other_command(yhy: Play, atqa: str) -> None:
    yhy.asked((REQUEST, said(aabb.REQUEST, data=atqa)), (UL, said(aabb.UL_SELECT, data=UID7.hex())))
    assert yhy.uids() == ["04A2B3C4D5E680"]
    assert yhy.of(CardSeen)[0].atqa == int.from_bytes(bytes.fromhex(atqa), "little")


def test_a_cascade_tag_is_no_uid(yhy: Play) -> None:
    yhy.asked(
        (REQUEST, said(aabb.REQUEST, data="0400")),
        (ANTICOLL, said(aabb.ANTICOLLISION, data="8804A2B3")),
        (UL, said(aabb.UL_SELECT, data=UID7.hex())),
    )
    assert yhy.uids() == ["04A2B3C4D5E680"]


def test_a_long_uid_that_is_not_told(yhy: Play) -> None:
    for _ in range(2):
        yhy.asked((REQUEST, said(aabb.REQUEST, data="4403")), (UL, said(aabb.UL_SELECT, aabb.FAILED)))
    assert [notice.rule for notice in yhy.of(Notice)] == ["reader.long-uid"]
    assert not yhy.of(CardSeen)


def test_a_collision_of_aabb_is_told_once(yhy: Play) -> None:
    for _ in range(2):
        yhy.asked((REQUEST, said(aabb.REQUEST, data="0400")), (ANTICOLL, said(aabb.ANTICOLLISION, aabb.FAILED)))
    assert [notice.rule for notice in yhy.of(Notice)] == ["reader.collision"]
    assert not yhy.of(PollEnded)


def test_the_parameter_of_anticollision_is_found_out(yhy: Play) -> None:
    without = aabb.build(aabb.ANTICOLLISION)
    yhy.asked(
        (REQUEST, said(aabb.REQUEST, data="0400")),
        (ANTICOLL, said(aabb.ANTICOLLISION, aabb.BAD_PARAMETER)),
        (REQUEST, said(aabb.REQUEST, data="0400")),
        (without, said(aabb.ANTICOLLISION, data=UID4.hex())),
    )


def test_auto_tries_both_ids_and_keeps_the_one_that_answers() -> None:
    play = Play("stronglink_aabb")
    while play.sends() != [ASK_AABB[b"\x00\x00"]]:
        assert play.clock.mono_ns < 3000 * NS_PER_MS
    play.hears(aabb.build_reply(aabb.FIRMWARE, aabb.OK, b"SL500"))
    assert not play.of(Trouble)
    play.asked(
        (bytes.fromhex("AA BB 06 00 00 00 01 02 52 51"), said(aabb.REQUEST, data="0400")),
        (bytes.fromhex("AA BB 05 00 00 00 02 02 00"), said(aabb.ANTICOLLISION, data=UID4.hex())),
    )
    play.until(Trouble, 5000)
    assert play.sends() == [ASK_AABB[b"\x00\x00"]]


def test_a_device_id_of_its_own() -> None:
    play = Play("stronglink_aabb", device="1112")
    assert play.sends() == [aabb.build(aabb.FIRMWARE, b"", b"\x11\x12")]
    play.hears(aabb.build_reply(aabb.FIRMWARE, aabb.OK, b"SL500", b"\xaa\xbb"))
    assert play.of(Ready) == [Ready("SL500")]
    for wrong in ("11", "11112", "xyz1"):
        with pytest.raises(BadInput, match="device"):
            Play("stronglink_aabb", device=wrong)


@pytest.mark.parametrize(("order", "way"), [("as-sent", 1), ("reversed", -1)])
def test_iso15693(order: str, way: int) -> None:
    play = Play("stronglink_aabb", device="0000", cards="iso15693", iso15693=order)
    uid = bytes.fromhex("E004010012345678")
    inventory = aabb.build(aabb.INVENTORY, b"", b"\x00\x00")
    play.asked(
        (ASK_AABB[b"\x00\x00"], aabb.build_reply(aabb.FIRMWARE, aabb.OK, b"SL500F")),
        (bytes.fromhex("AA BB 06 00 00 00 08 01 31 38"), said(aabb.CARD_KIND)),
        (inventory, said(aabb.INVENTORY, data="00" + uid[::way].hex())),
        (inventory, said(aabb.INVENTORY, data=uid[::way].hex())),
        (inventory, said(aabb.INVENTORY, aabb.NO_CARD)),
    )
    assert [(card.uid, card.technology, card.atqa) for card in play.of(CardSeen)] == [
        (uid, Technology.ISO15693, None)
    ] * 2
    assert [len(ended.uids) for ended in play.of(PollEnded)] == [1, 1, 0]


def test_a_reader_that_does_not_know_iso15693() -> None:
    play = Play("stronglink_aabb", cards="iso15693")
    inventory = aabb.build(aabb.INVENTORY)
    play.asked(
        (ASK_AABB[b"\xff\xff"], said(aabb.FIRMWARE, aabb.UNSUPPORTED)),
        (aabb.build(aabb.CARD_KIND, b"1"), said(aabb.CARD_KIND, aabb.UNSUPPORTED)),
        (inventory, said(aabb.INVENTORY, aabb.UNSUPPORTED)),
    )
    assert [(notice.rule, notice.severity) for notice in play.of(Notice)] == [("reader.iso15693", "fail")]


def test_orders_of_aabb(yhy: Play) -> None:
    assert set(find("stronglink_aabb").orders) == {"beep", "light on", "light off", "field off"}
    for order, code, data in (("beep", aabb.BEEP, "64"), ("light on", aabb.LED, "03"), ("light off", aabb.LED, "00")):
        yhy.driver.order(order)
        yhy.asked((aabb.build(code, bytes.fromhex(data)), said(code)))
    yhy.driver.order("beep")
    yhy.asked((BEEP, said(aabb.BEEP, aabb.UNSUPPORTED)))
    assert [notice.text for notice in yhy.of(Notice)] == ["beep: command not supported"]
    with pytest.raises(BadInput, match="cannot dance"):
        yhy.driver.order("dance")


def test_the_field_goes_off_and_on_again(yhy: Play) -> None:
    yhy.driver.order("field off")
    yhy.asked((aabb.build(aabb.ANTENNA, b"\x00"), said(aabb.ANTENNA)))
    began = yhy.clock.mono_ns
    yhy.asked((aabb.build(aabb.ANTENNA, b"\x01"), said(aabb.ANTENNA)), (REQUEST, said(aabb.REQUEST, aabb.NO_CARD)))
    assert yhy.clock.mono_ns - began >= 2000 * NS_PER_MS


def test_the_probes_know_their_answers() -> None:
    ba, aa = find("sl032").probe, find("aabb").probe
    assert ba is not None
    assert aa is not None
    assert ba.request == VERSION
    assert ba.answer(b"noise" + VERSION_IS) == "firmware SL025-2.3"
    assert ba.answer(FOUR) == ba.answer(b"\xbd\x00") == ""
    assert aa.answer(b"\xaa" + aabb.build_reply(aabb.FIRMWARE, 0, b"YHY")) == "firmware YHY"
    assert aa.answer(BEEP) == ""


BA_NOISE = st.one_of(
    st.binary(max_size=10).map(lambda raw: raw.replace(b"\xbd", b"")),
    st.sampled_from([FOUR[:1], FOUR[:2], FOUR[:3], FOUR[:7], SEVEN[:4], b"\xbd\x40\x01", FOUR[:-1] + b"\x43"]),
)
AABB_CARDS = [said(aabb.UL_SELECT, data=uid) for uid in (UID7.hex(), "04AABBAA00AAAA", "0400AA00FFAABB")]
AABB_NOISE = st.one_of(
    st.binary(max_size=10).map(lambda raw: raw.replace(b"\xaa", b"")),
    st.sampled_from([AABB_CARDS[1][:cut] for cut in range(1, 14)] + [b"\xaa", b"\xaa\xaa", b"\xaa\xbb\x40\x00"]),
)


@given(st.data())
def test_any_chopping_with_noise_between_gives_the_same_cards_of_ba(data: st.DataObject) -> None:
    answer = data.draw(st.sampled_from([FOUR, SEVEN, sl.build_reply(1, 0, bytes.fromhex("BD08010001"))]))
    stream = data.draw(BA_NOISE) + answer
    play = Play("stronglink")
    play.asked((VERSION, VERSION_IS))
    play.sends()
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    later = play.clock.mono_ns + IDLE_GAP_NS
    assert cards_of(play.driver, chopped(stream, cuts), later) == [answer[4:-2]]


@given(st.data())
def test_any_chopping_with_noise_between_gives_the_same_cards_of_aabb(data: st.DataObject) -> None:
    answer = data.draw(st.sampled_from(AABB_CARDS))
    stream = data.draw(AABB_NOISE) + answer
    play = Play("stronglink_aabb")
    play.asked((ASK_AABB[b"\xff\xff"], aabb.build_reply(aabb.FIRMWARE, 0)), (REQUEST, said(aabb.REQUEST, data="4400")))
    assert play.sends() == [UL]
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    later = play.clock.mono_ns + IDLE_GAP_NS
    assert cards_of(play.driver, chopped(stream, cuts), later) == [aabb.decode(answer).body.data]


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([FOUR, COLLISION, *AABB_CARDS])), max_size=12))
@pytest.mark.parametrize("name", ["stronglink", "stronglink_aabb"])
def test_any_bytes_are_kept_in_order_and_never_raise(name: str, chunks: list[bytes]) -> None:
    driver = Play(name).driver
    driver.poll(0)
    events = [event for chunk in chunks for event in driver.feed(chunk, Stamp(0, 0))] + driver.end()
    assert wire_of(events) == b"".join(chunks)


@pytest.mark.parametrize(
    ("driver", "raw", "names"),
    [
        ("stronglink", SELECT, ["preamble", "LEN", "CMD", "XOR"]),
        ("stronglink", bytes.fromhex("BA 03 40 01 F8"), ["preamble", "LEN", "CMD", "code", "XOR"]),
        ("stronglink", FOUR, ["preamble", "LEN", "CMD", "STATUS", "UID", "type", "XOR"]),
        ("stronglink", VERSION_IS, ["preamble", "LEN", "CMD", "STATUS", "version", "XOR"]),
        ("stronglink", b"no" + NO_TAG, ["noise", "preamble", "LEN", "CMD", "STATUS", "XOR"]),
        ("stronglink", FOUR[:4], ["preamble", "LEN", "noise"]),
        ("stronglink_aabb", BEEP, ["head", "LEN", "device", "command", "data", "XOR"]),
        ("stronglink_aabb", REQUEST, ["head", "LEN", "device", "command", "mode", "XOR"]),
        (
            "stronglink_aabb",
            said(aabb.REQUEST, data="0400"),
            ["head", "LEN", "device", "command", "status", "ATQA", "XOR"],
        ),
        ("stronglink_aabb", said(aabb.SELECT, data="08"), ["head", "LEN", "device", "command", "status", "SAK", "XOR"]),
        ("stronglink_aabb", AABB_CARDS[1], ["head", "LEN", "device", "command", "status", "UID", "XOR"]),
        ("stronglink_aabb", aabb.build(aabb.SELECT, UID4), ["head", "LEN", "device", "command", "UID", "XOR"]),
        ("stronglink_aabb", said(aabb.REQUEST, 0x14), ["head", "LEN", "device", "command", "status", "XOR"]),
        (
            "stronglink_aabb",
            BEEP[:8] + BEEP,
            ["head", "LEN", "device", "command", "head", "LEN", "device", "command", "data", "XOR"],
        ),
    ],
)
def test_every_byte_is_named(driver: str, raw: bytes, names: list[str]) -> None:
    spans = explain(driver, raw)
    assert [span.name for span in spans] == names
    assert spans[-1].end == len(raw)
    assert spans[-1].ok is not False or raw == FOUR[:4]


def test_what_the_bytes_mean() -> None:
    told = {span.name: span.text for span in explain("stronglink", FOUR)}
    assert told["UID"] == "5237AB3B"
    assert told["type"] == "Ultralight or NTAG to SL025, MIFARE 1K to SL032"
    told = {span.name: span.text for span in explain("stronglink_aabb", AABB_CARDS[1])}
    assert told["UID"] == "04AABBAA00AAAA; 00 behind AA is stuffing"
    told = {span.name: span.text for span in explain("stronglink", FOUR[:-1] + b"\x43")}
    assert told["XOR"] == "should be 42, got 43"


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([FOUR, SELECT, BEEP, *AABB_CARDS])), max_size=6))
@pytest.mark.parametrize("driver", ["stronglink", "stronglink_aabb", "twn4"])
def test_every_byte_belongs_to_one_span(driver: str, parts: list[bytes]) -> None:
    raw = b"".join(parts)
    at = 0
    for span in explain(driver, raw):
        assert span.start == at < span.end
        assert span.name
        assert span.text
        at = span.end
    assert at == len(raw)
