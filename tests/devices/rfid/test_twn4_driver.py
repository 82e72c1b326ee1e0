"""The conversation with a TWN4, and the lines it is made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.card import Hint, Technology, hints_of
from bench.clock import NS_PER_MS, Stamp
from bench.codecs.serial_bytes import explain
from bench.errors import BadInput
from bench.message import Malformed
from devices.rfid import twn4_protocol as twn4
from devices.rfid.cutting import IDLE_GAP_NS
from devices.rfid.driver import CardSeen, Flaw, Frame, NothingSeen, Notice, PollEnded, Ready, Trouble
from devices.rfid.drivers import find
from devices.rfid.polled import MAX_ORDERS
from tests.devices.rfid.driver_play import Play, cards_of, chopped, wire_of

ASK_VERSION, VERSION_TEXT = b"0004FF\r", "TWN4/B1.03/CCF1.57/PRS1.03"
VERSION = b"001A" + VERSION_TEXT.encode().hex().upper().encode() + b"\r"
SET_TYPES, DONE = b"0502FFFFFFFFFFFFFFFF\r", b"00\r"
SEARCH, MULTI, NONE = b"050010\r", b"1208FF\r", b"0000\r"
MIFARE = b"000180200466CF4DC2\r"
SEVEN = b"000180380704D7A79A973780\r"
ISO15693 = b"0001824008E004010012345678\r"
EM4102 = b"00014028053C00CE754C\r"
ONE = b"000101050466CF4DC2\r"
THREE = b"000103180704D7A79A97378007042DA79A973780070450A79A973780\r"
NO_FUNCTION = b"01\r"


def reply(line: bytes, code: int, *, crc: bool = False) -> twn4.Reply:
    assert twn4.find_answer(line[:-1], code, crc=crc) == 0
    body = twn4.decode_answer(line, code, crc=crc).body
    assert isinstance(body, twn4.Reply)
    return body


@pytest.fixture
def ready() -> Play:
    play = Play("twn4", firmware="simple", crc="off")
    play.asked((ASK_VERSION, VERSION), (SET_TYPES, DONE))
    return play


@pytest.mark.parametrize(
    ("code", "data", "crc", "line"),
    [
        (0x0005, "", False, b"0005\r"),
        (0x0005, "", True, b"000515A7\r"),
        (0x0500, "10", False, SEARCH),
        (0x0500, "10", True, b"0500100F10\r"),
        (0x1208, "FF", False, MULTI),
        (0x0004, "FF", False, ASK_VERSION),
        (0x0008, "", False, b"0008\r"),
        (0x0502, "FF" * 8, False, SET_TYPES),
        (0x0502, "0100000007000000", False, b"05020100000007000000\r"),
        (0x0503, "", False, b"0503\r"),
        (0x0407, "646009F401F401", False, b"0407646009F401F401\r"),
        (0x0408, "", False, b"0408\r"),
        (0x0409, "", False, b"0409\r"),
        (0x0501, "", False, b"0501\r"),
    ],
)
def test_commands(code: int, data: str, crc: bool, line: bytes) -> None:
    assert twn4.build(code, bytes.fromhex(data), crc=crc) == line
    decoded = twn4.decode_command(line, crc=crc)
    assert decoded.body == twn4.Command(code, bytes.fromhex(data))
    assert decoded.name in twn4.COMMANDS.values()


@pytest.mark.parametrize(
    ("line", "crc", "tags"),
    [
        (MIFARE, False, [(0x80, 32, "66CF4DC2", Technology.ISO14443)]),
        (b"000180200466CF4DC2E960\r", True, [(0x80, 32, "66CF4DC2", Technology.ISO14443)]),
        (NONE, False, []),
        (SEVEN, False, [(0x80, 56, "04D7A79A973780", Technology.ISO14443)]),
        (ISO15693, False, [(0x82, 64, "E004010012345678", Technology.ISO15693)]),
        (EM4102, False, [(0x40, 40, "3C00CE754C", Technology.EM4100)]),
        (b"0001491A0402ABCDEF\r", False, [(0x49, 26, "02ABCDEF", Technology.HID)]),
        (b"00018120040A0B0C0D\r", False, [(0x81, 32, "0A0B0C0D", Technology.ISO14443)]),
        (b"00018320040A0B0C0D\r", False, [(0x83, 32, "0A0B0C0D", Technology.LEGIC)]),
        (b"00018440080102030405060708\r", False, [(0x84, 64, "0102030405060708", Technology.ICLASS)]),
        (b"00018540080102030405060708\r", False, [(0x85, 64, "0102030405060708", Technology.FELICA)]),
        (b"00014F20040A0B0C0D\r", False, [(0x4F, 32, "0A0B0C0D", Technology.UNKNOWN)]),
    ],
)
def test_answers_to_search_tag(line: bytes, crc: bool, tags: list[tuple[int, int, str, Technology]]) -> None:
    body = reply(line, twn4.SEARCH_TAG, crc=crc)
    assert isinstance(body, twn4.Tags)
    assert [(tag.kind, tag.bits, tag.uid.hex().upper(), tag.technology) for tag in body.tags] == tags
    assert twn4.line(b"\x00" + body.data, crc=crc) == line


def test_other_answers() -> None:
    assert reply(b"0001\r", 0x0005).data == b"\x01"
    assert reply(b"000131E1\r", 0x0005, crc=True).data == b"\x01"
    assert reply(b"002D002F000B47303531353233\r", 0x0008).data.hex().upper() == "2D002F000B47303531353233"
    assert reply(b"002FFE0700F7000000\r", 0x0503).data.hex().upper() == "2FFE0700F7000000"
    assert reply(DONE, twn4.SET_TAG_TYPES).data == b""
    version = reply(VERSION, twn4.GET_VERSION)
    assert isinstance(version, twn4.Version)
    assert version.text == VERSION_TEXT
    several = reply(THREE, twn4.SEARCH_MULTI_TAG)
    assert isinstance(several, twn4.Tags)
    assert [tag.uid.hex().upper() for tag in several.tags] == ["04D7A79A973780", "042DA79A973780", "0450A79A973780"]


@pytest.mark.parametrize("code", range(1, 6))
def test_a_response_code_is_told_in_words(code: int) -> None:
    decoded = twn4.decode_answer(b"%02X\r" % code, twn4.SEARCH_TAG, crc=False)
    assert decoded.faults[0].text == f"SearchTag: {twn4.RESPONSES[code]}"
    assert twn4.find_answer(b"%02X" % code, twn4.SEARCH_TAG, crc=False) == 0


@pytest.mark.parametrize(
    "line", ["0", "000", "06", "0102", "00018020046", "000180200466CF4D", "0001802005AABB", "0002", "zz"]
)
def test_odd_and_short_replies_are_no_answer(line: str) -> None:
    assert isinstance(twn4.find_answer(line.encode(), twn4.SEARCH_TAG, crc=False), twn4.Wrong)


def test_a_wrong_crc_is_told() -> None:
    found = twn4.find_answer(b"000180200466CF4DC2E961", twn4.SEARCH_TAG, crc=True)
    assert found == twn4.Wrong(Flaw.CHECKSUM, "CRC 61E9 should be 60E9")


def test_sets_up_and_searches(ready: Play) -> None:
    assert ready.of(Ready) == [Ready(VERSION_TEXT)]
    ready.asked((SEARCH, NONE))
    assert ready.of(PollEnded)[-1].uids == ()
    frame, card = ready.asked((SEARCH, MIFARE))
    assert (card.uid.hex().upper(), card.technology, card.raw) == ("66CF4DC2", Technology.ISO14443, MIFARE)
    assert (frame.decoded.name, frame.decoded.summary) == ("SearchTag", "ISO 14443-A, UID 66CF4DC2")
    ready.asked((MULTI, ONE))
    assert ready.of(PollEnded)[-1].uids == (card.uid,)
    assert ready.sends() == [SEARCH]
    assert ready.driver.describe(SEARCH).summary == "SearchTag 10"


def test_several_cards_are_all_told(ready: Play) -> None:
    ready.asked((SEARCH, SEVEN), (MULTI, THREE))
    assert ready.uids() == ["04D7A79A973780", "042DA79A973780", "0450A79A973780"]
    assert len(ready.of(PollEnded)[-1].uids) == 3


def test_a_firmware_without_multi_is_asked_once(ready: Play) -> None:
    ready.asked((SEARCH, SEVEN), (MULTI, NO_FUNCTION), (SEARCH, SEVEN), (SEARCH, NONE))
    assert [len(ended.uids) for ended in ready.of(PollEnded)] == [1, 1, 0]
    assert not ready.of(Trouble)


def test_other_tags_are_not_asked_for_more(ready: Play) -> None:
    ready.asked((SEARCH, EM4102), (SEARCH, ISO15693), (SEARCH, NONE))
    assert [card.technology for card in ready.of(CardSeen)] == [Technology.EM4100, Technology.ISO15693]


def test_a_uid_in_reverse_is_told_once_and_turned_by_option() -> None:
    reversed_uid = b"00018240087856341200010" + b"4E0\r"
    play = Play("twn4", firmware="simple", crc="off")
    play.asked((ASK_VERSION, VERSION), (SET_TYPES, DONE), (SEARCH, reversed_uid), (SEARCH, reversed_uid))
    assert play.uids() == ["78563412000104E0"] * 2
    (notice,) = play.of(Notice)
    assert (notice.rule, notice.cure) == ("reader.reversed-15693", "set the option iso15693 to reversed")
    assert hints_of(play.of(CardSeen)[0].uid, Technology.ISO15693) == (Hint.REVERSED_15693,)
    turned = Play("twn4", firmware="simple", crc="off", iso15693="reversed")
    turned.asked((ASK_VERSION, VERSION), (SET_TYPES, DONE), (SEARCH, reversed_uid))
    assert turned.uids() == ["E004010012345678"]
    assert turned.of(PollEnded)[-1].uids == (bytes.fromhex("E004010012345678"),)
    assert not turned.of(Notice)


def test_auto_finds_a_reader_with_crc() -> None:
    play = Play("twn4", firmware="simple")
    with_crc = {code: twn4.build(code, data, crc=True) for code, data in ((4, b"\xff"), (0x502, b"\xff" * 8))}
    while play.sends() != [with_crc[4]]:
        assert play.clock.mono_ns < 2000 * NS_PER_MS
    assert not play.of(Trouble)
    play.hears(twn4.line(bytes.fromhex(VERSION.decode()), crc=True))
    play.asked((with_crc[0x502], twn4.line(b"\x00", crc=True)), (b"0500100F10\r", b"000180200466CF4DC2E960\r"))
    assert play.uids() == ["66CF4DC2"]


@pytest.mark.parametrize("firmware", ["simple", "auto"])
def test_an_answer_with_crc_tells_at_once_that_there_is_one(firmware: str) -> None:
    play = Play("twn4", firmware=firmware)
    with_crc = twn4.build(twn4.GET_VERSION, b"\xff", crc=True)
    version = twn4.line(bytes.fromhex(VERSION.decode()), crc=True)
    play.asked((ASK_VERSION, twn4.line(b"\x05", crc=True)), (with_crc, version))
    assert play.clock.mono_ns < 10 * NS_PER_MS
    play.asked((twn4.build(twn4.SET_TAG_TYPES, b"\xff" * 8, crc=True), twn4.line(b"\x00", crc=True)))
    assert play.of(Ready) == [Ready(VERSION_TEXT)]
    assert not play.of(Notice)


def test_a_port_without_a_twn4() -> None:
    trouble = Play("twn4", firmware="simple").until(Trouble, 2000)
    assert trouble.what == "no TWN4 answers on this port"
    assert "PRS" in trouble.cure


def test_silence_is_trouble_then_it_is_found_again(ready: Play) -> None:
    assert ready.until(Trouble, 3000).what == "the TWN4 stopped answering"
    ready.asked((ASK_VERSION, VERSION), (SET_TYPES, DONE), (SEARCH, MIFARE))
    assert len(ready.of(Ready)) == 2
    assert ready.uids() == ["66CF4DC2"]


def test_a_broken_answer_is_asked_for_again(ready: Play) -> None:
    assert ready.sends() == [SEARCH]
    ready.hears(b"0001802004")
    began = ready.clock.mono_ns
    while ready.sends() != [SEARCH]:
        pass
    assert ready.clock.mono_ns - began < 2 * IDLE_GAP_NS
    ready.hears(MIFARE)
    assert ready.uids() == ["66CF4DC2"]
    broken = ready.of(Frame)[-2]
    assert (broken.flaw, broken.raw) == (Flaw.CUT, b"0001802004")


def test_a_refused_search_is_told_once(ready: Play) -> None:
    ready.asked((SEARCH, b"01\r"), (SEARCH, b"01\r"))
    (notice,) = ready.of(Notice)
    assert "unknown function" in notice.text


@pytest.mark.parametrize(
    ("order", "line"),
    [("beep", b"0407646009F401F401\r"), ("light on", b"0408\r"), ("light off", b"0409\r"), ("field off", b"0501\r")],
)
def test_orders(ready: Play, order: str, line: bytes) -> None:
    assert order in find("twn4").orders
    ready.driver.order(order)
    ready.asked((line, DONE), (SEARCH, NONE))
    assert not ready.of(Notice)
    ready.driver.order(order)
    ready.asked((line, b"04\r"))
    assert ready.of(Notice)[-1].text == f"{order}: invalid function"


def test_an_order_during_a_question_waits_for_its_answer(ready: Play) -> None:
    assert ready.sends() == [SEARCH]
    ready.driver.order("beep")
    assert ready.driver.poll(ready.clock.mono_ns) == []
    ready.hears(NONE)
    assert ready.sends() == [b"0407646009F401F401\r"]
    assert ready.sends() == [SEARCH]
    assert ready.of(Notice)[-1].text == "beep: the reader did not answer"
    assert not ready.of(Trouble)


def test_the_field_stays_off_for_a_while(ready: Play) -> None:
    ready.driver.order("field off")
    ready.asked((b"0501\r", DONE))
    began = ready.clock.mono_ns
    assert ready.sends() == [SEARCH]
    assert ready.clock.mono_ns - began == 2000 * NS_PER_MS


def test_orders_are_bounded_and_must_be_known(ready: Play) -> None:
    with pytest.raises(BadInput, match="cannot dance"):
        ready.driver.order("dance")
    assert ready.sends() == [SEARCH]
    for _ in range(MAX_ORDERS + 1):
        ready.driver.order("beep")
    assert "orders to do yet" in ready.driver.tick(ready.clock.stamp())[0].text


def test_push_sends_nothing_and_reads_lines() -> None:
    play = Play("twn4", firmware="push")
    assert play.sends() == []
    assert play.of(Ready) == [Ready("listening for lines")]
    play.hears(b"TWN4/B1.03/CCF1.57/STD2.06\r\n", b"04A2B3C4D5E680\r")
    assert play.uids() == ["04A2B3C4D5E680"]
    assert [frame.decoded.name for frame in play.of(Frame)] == ["", "card"]
    play.sends()
    assert isinstance(play.events[-1], NothingSeen)
    assert play.driver.deadline_ns is None
    play.driver.order("beep")
    assert play.sends() == []
    assert play.of(Notice)[-1].text == "beep: this firmware takes no orders, it only sends"


def test_push_tells_what_is_no_uid() -> None:
    play = Play("twn4", firmware="push", iso15693="reversed")
    play.hears(b"4A2B3C4D5E680\r", b"4A2B3C4D5E680\r", b"78563412000104E0\r")
    assert [notice.rule for notice in play.of(Notice)] == ["reader.lost-zero"]
    assert play.uids() == ["E004010012345678"]


def test_auto_listens_where_nothing_answers_and_stops_asking_at_the_first_card() -> None:
    play = Play("twn4")
    assert play.until(Ready, 2000) == Ready("listening for lines")
    play.hears(b"3C00CE754C\r")
    assert play.uids() == ["3C00CE754C"]
    assert play.of(CardSeen)[0].technology is Technology.EM4100
    while play.driver.deadline_ns is not None:
        assert play.sends() == []


def test_auto_takes_a_card_even_before_it_gave_up_asking() -> None:
    play = Play("twn4")
    assert play.sends() == [ASK_VERSION]
    play.hears(b"04A2B3C4D5E680\r")
    assert play.uids() == ["04A2B3C4D5E680"]
    assert play.of(Ready) == [Ready("firmware that sends by itself")]


def test_auto_finds_a_reader_that_answers_late() -> None:
    play = Play("twn4")
    play.until(Ready, 2000)
    while (sent := play.sends()) != [ASK_VERSION]:
        assert play.clock.mono_ns < 20_000 * NS_PER_MS, sent
    play.hears(VERSION)
    play.asked((SET_TYPES, DONE), (SEARCH, MIFARE))
    assert play.of(Ready)[-1] == Ready(VERSION_TEXT)
    assert not play.of(Trouble)


def test_the_probe_knows_its_answer() -> None:
    probe = find("twn4").probe
    assert probe is not None
    # An end of line first, for what other probes left there; then the question without and with CRC.
    assert probe.request == b"\r" + ASK_VERSION + b"0004FF2B51\r"
    assert probe.answer(b"\x00junk\r" + VERSION) == VERSION_TEXT
    assert probe.answer(b"04A2B3C4D5E680\r") == ""


SEARCHED = st.sampled_from([MIFARE, SEVEN, ISO15693, EM4102, b"000150200400018020\r"])
# Noise may end in hex digits, and be the beginning of an answer. A line of its own may be a card: then it is no noise.
NOISE = st.one_of(
    st.binary(max_size=12).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"")),
    st.sampled_from(
        [b"AT+GMM\xf0\xff\x81 noise", b"0001", b"00018020046", b"000180200466CF4D", b"00", b"AT\r\n", b"01"]
    ),
)


@given(st.data())
@pytest.mark.parametrize("crc", [False, True])
def test_any_chopping_with_noise_between_gives_the_same_cards(crc: bool, data: st.DataObject) -> None:
    answer = data.draw(SEARCHED)
    uid = bytes.fromhex(answer[10:-1].decode())
    line = twn4.line(bytes.fromhex(answer.decode()), crc=crc)
    stream = data.draw(NOISE) + line
    play = Play("twn4", firmware="simple", crc="on" if crc else "off")
    play.sends()
    play.hears(twn4.line(bytes.fromhex(VERSION.decode()), crc=crc))
    play.sends()
    play.hears(twn4.line(b"\x00", crc=crc))
    play.sends()
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    assert cards_of(play.driver, chopped(stream, cuts), play.clock.mono_ns + IDLE_GAP_NS) == [uid]


@given(
    st.lists(st.sampled_from([b"04A2B3C4D5E680", b"5237AB3B", b"E004010012345678", b"3C00CE754C"]), max_size=5),
    st.data(),
)
def test_any_chopping_of_pushed_lines(uids: list[bytes], data: st.DataObject) -> None:
    noise = st.sampled_from([b"", b"\xf0\xff\r", b"TWN4/B1\r\n", b"\n", b"noise 4\r"])
    stream = b"".join(data.draw(noise) + uid + data.draw(st.sampled_from([b"\r", b"\r\n"])) for uid in uids)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    driver = Play("twn4", firmware="push").driver
    assert cards_of(driver, chopped(stream, cuts), 0) == [bytes.fromhex(uid.decode()) for uid in uids]


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([MIFARE, b"\r", b"0001", b"00"])), max_size=12))
@pytest.mark.parametrize("firmware", ["simple", "push", "auto"])
def test_any_bytes_are_kept_in_order_and_never_raise(firmware: str, chunks: list[bytes]) -> None:
    driver = Play("twn4", firmware=firmware).driver
    driver.poll(0)
    events = [event for chunk in chunks for event in driver.feed(chunk, Stamp(0, 0))] + driver.end()
    lost = b"\r\n"
    assert wire_of(events).translate(None, lost) == b"".join(chunks).translate(None, lost)


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (SEARCH, ["command", "max length", "CR"]),
        (b"0500100F10\r", ["command", "max length", "CRC", "CR"]),
        (MIFARE, ["response", "result", "tag type", "bits", "length", "UID", "CR"]),
        (b"000180200466CF4DC2E960\r", ["response", "result", "tag type", "bits", "length", "UID", "CRC", "CR"]),
        (THREE, ["response", "result", "cards", "length", *["length", "UID"] * 3, "CR"]),
        (VERSION, ["response", "length", "version", "CR"]),
        (NONE, ["response", "result", "CR"]),
        (b"05\r", ["response", "CR"]),
        (SET_TYPES, ["command", "LF tag types", "HF tag types", "CR"]),
        (b"0407646009F401F401\r", ["command", "volume", "frequency", "on", "off", "CR"]),
        (b"\xf0 noise:" + MIFARE, ["noise", "response", "result", "tag type", "bits", "length", "UID", "CR"]),
        (b"04A2B3C4D5E680\r", ["text", "CR"]),
    ],
)
def test_every_byte_is_named(raw: bytes, names: list[str]) -> None:
    spans = explain("twn4", raw)
    assert [span.name for span in spans] == names
    assert spans[-1].end == len(raw)


def test_a_malformed_line_is_told_as_such(ready: Play) -> None:
    ready.sends()
    ready.hears(b"noise\xff\r" * 200)
    frames = ready.of(Frame)[2:]
    assert all(isinstance(frame.decoded.body, Malformed) and frame.flaw is Flaw.NOISE for frame in frames)
    assert len(frames) < 10
