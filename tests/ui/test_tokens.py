from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLineEdit, QMenu, QPushButton

from bench.errors import StoreError
from bench.exchange import MASK
from bench.ports import LinkState
from bench.settings import EnrolSettings
from bench.tokens import contract_id
from bench.tokens.index import TokenIndex
from bench.tokens.model import AuthorizationStatus, IdTokenType, MessageFormat, PersonalMessage
from tests.ui.stub_session import make_token
from ui import theme
from ui.models.token_rows import away
from ui.models.tokens import Column, TokenTableModel
from ui.panels.token_form import TokenForm
from ui.panels.tokens import TokensPanel

# What the offscreen platform says of every window that is shown.
pytestmark = [pytest.mark.qt_log_ignore("This plugin does not support")]

GOOD = "GBABXC012345678"


def fill(stub, *tokens):
    for token in tokens:
        stub.store.tokens[token.key] = token


@pytest.fixture
def shelf(stub):
    """A store with three tokens: one blocked, one key code."""
    fill(
        stub,
        make_token("04A2B3C4D5E680", visual_number="TAG-7"),
        make_token("04B1C2D3E4F580", visual_number="TAG-8", valid=False),
        make_token("4711", visual_number="PIN-1", id_token_type=IdTokenType.KEY_CODE),
    )
    return stub


@pytest.fixture
def panel(qtbot, themed, shelf, tasks):
    panel = TokensPanel()
    qtbot.addWidget(panel)
    panel.resize(1400, 300)
    panel.attach(shelf, tasks)
    panel.show()
    return panel


async def settled(tasks):
    """Wait until what the panel started has ended."""
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks._tasks, return_exceptions=True)


async def active(qapp, panel):
    """Make the panel's window the one that gets the keys."""
    changed = asyncio.Event()
    qapp.focusWindowChanged.connect(changed.set)
    panel.activateWindow()
    async with asyncio.timeout(5):
        while not panel.isActiveWindow():
            await changed.wait()
            changed.clear()
    qapp.focusWindowChanged.disconnect(changed.set)


def texts(panel, column=Column.UID):
    model = panel.table.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def select(panel, *labels):
    model = panel.table.model()
    panel.table.clearSelection()
    for row in range(model.rowCount()):
        if model.index(row, Column.NUMBER).data() in labels:
            panel.table.selectionModel().select(
                model.index(row, 0),
                panel.table.selectionModel().SelectionFlag.Select | panel.table.selectionModel().SelectionFlag.Rows,
            )


def test_the_model_is_a_model(qtmodeltester, themed):
    model = TokenTableModel()
    model.show(TokenIndex([make_token("04A2"), make_token("04B1", valid=False)]))
    qtmodeltester.check(model)


@pytest.mark.gui
async def test_shows_searches_and_sorts(panel):
    assert texts(panel) == ["04A2B3C4D5E680", "04B1C2D3E4F580", MASK]
    assert texts(panel, Column.STATUS) == ["✔ Accepted", "✖ Blocked", "✔ Accepted"]
    panel.search.setText("04:b1:c2")
    assert texts(panel, Column.NUMBER) == ["TAG-8"]
    assert panel.count.text() == "1 of 3"
    panel.search.setText("blocked tag")
    assert texts(panel, Column.NUMBER) == ["TAG-8"]
    panel.search.setText("4711")  # a key code cannot be guessed by searching
    assert panel.nothing.isVisible()
    panel.nothing.button.click()
    panel.table.sortByColumn(Column.NUMBER, Qt.SortOrder.DescendingOrder)
    assert texts(panel, Column.NUMBER) == ["TAG-8", "TAG-7", "PIN-1"]


@pytest.mark.gui
async def test_empty_offers_to_add(qtbot, themed, stub, tasks):
    panel = TokensPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, tasks)
    panel.show()
    assert panel.empty.isVisible()
    panel.empty.button.click()
    (form,) = panel.findChildren(TokenForm)
    assert form.isVisible()
    assert not form.isModal()


@pytest.mark.gui
async def test_add_by_the_form(qtbot, panel, shelf, tasks):
    panel.add_button.click()
    (form,) = panel.findChildren(TokenForm)
    qtbot.keyClicks(form.uid, "04ff00aa")
    form.contract.setText("GBABX")
    assert form.verdict.text().startswith("✖ Contract: ")
    assert form.contract.property("wrong")
    form.make_button.click()
    assert form.verdict.text().startswith("✔ contract ")
    assert not form.contract.property("wrong")
    form.country.setText("G")
    assert form.verdict.text().startswith("✖ Country: 'G', wanted 2 letters")
    form.country.setText("gb")
    form.status.setCurrentText("Expired")
    qtbot.keyClick(form.uid, Qt.Key.Key_Return)
    await settled(tasks)
    kept = shelf.store.get("04FF00AA")
    assert (kept.country_code, kept.status, kept.valid) == ("GB", AuthorizationStatus.EXPIRED, False)
    assert panel.selected() == [kept]
    panel.undo_button.click()
    await settled(tasks)
    assert shelf.store.get("04FF00AA") is None


@pytest.fixture
def form(qtbot, panel):
    """The form of a new token."""
    panel.add_button.click()
    (form,) = panel.findChildren(TokenForm)
    return form


def reds(form):
    return [field for field, widget in form._fields.items() if widget.property("wrong")]


@pytest.mark.gui
async def test_a_fresh_form_calls_nothing_wrong(qtbot, form, shelf, tasks):
    assert reds(form) == []
    assert form.verdict.text() == "Still needed: UID"
    assert form.verdict.palette().windowText().color() == theme.color("muted")
    qtbot.keyClicks(form.number, "TAG-9")
    assert reds(form) == [], "the UID was not come to yet"
    qtbot.keyClicks(form.country, "1")
    assert reds(form) == ["countryCode"], "edited and wrong, though the UID comes first"
    assert form.verdict.text() == "✖ Country: 'GB1', wanted 2 letters"
    qtbot.keyClick(form.country, Qt.Key.Key_Backspace)
    qtbot.waitUntil(lambda: form.activateWindow() or form.isActiveWindow())
    qtbot.mouseClick(form.save_button, Qt.MouseButton.LeftButton)
    assert reds(form) == ["uid"], "Save was tried"
    assert form.verdict.text() == "✖ UID: 0 characters, wanted 1 to 36"
    assert form.uid.hasFocus()
    assert form.isVisible()
    await settled(tasks)
    assert shelf.store.count == 3


@pytest.mark.gui
async def test_all_that_is_wrong_is_told_at_once(form):
    form.contract.setText("GB-ABX-1")
    form.issuer.clear()
    form.save()
    assert reds(form) == ["uid", "contractId", "issuer"]
    assert form.verdict.height() >= form.verdict.heightForWidth(form.verdict.width()), "none of it is cut"
    assert form.verdict.text().lower().count("contract") == 1
    assert [line.split(":")[0] for line in form.verdict.text().splitlines()] == ["✖ UID", "✖ Contract", "✖ Issuer"]


@pytest.mark.gui
async def test_what_ocpp_says_of_a_token_is_in_the_form(qtbot, form, shelf, tasks):
    info = form.info
    qtbot.keyClicks(form.uid, "04ff00aa")
    qtbot.keyClicks(info.expiry, "soon")
    qtbot.keyClicks(info.evses, "2 x")
    qtbot.keyClicks(info.language2, "en-US")
    qtbot.keyClicks(info.message_language, "de")
    assert reds(form) == ["expiry", "evseIds", "language2", "personalMessageLanguage"]
    assert form.verdict.text().startswith(
        "✖ Expiry: 'soon', wanted a date as 2030-12-31 or 2030-12-31T23:59:59Z\n✖ EVSEs: 'x'"
    )
    info.expiry.setText("2030-12-31")
    info.evses.setText("2, 1")
    form.language.setText("de")
    info.message.setText("Gute Fahrt")
    info.message_format.setCurrentText("ASCII")
    info.priority.setCurrentText("-9")
    assert reds(form) == []
    form.save()
    await settled(tasks)
    kept = shelf.store.get("04FF00AA")
    assert (kept.expiry, kept.evse_ids, kept.charging_priority) == (datetime(2030, 12, 31, tzinfo=UTC), (1, 2), -9)
    assert (kept.language_code, kept.language2) == ("de", "en-US")
    assert kept.personal_message == PersonalMessage("Gute Fahrt", MessageFormat.ASCII, "de")


@pytest.mark.gui
async def test_a_form_that_is_only_looked_at_keeps_all_of_a_token(qtbot, themed, shelf):
    kept = make_token(
        "04FF00AA",
        expiry=datetime(2030, 12, 31, 1, 2, 3, 456000, UTC),
        evse_ids=(1, 7),
        language_code="de",
        language2="en-US",
        personal_message=PersonalMessage("Gute\n" + 500 * "F", MessageFormat.URI, "de"),
        charging_priority=0,
        note="spare card\nin the drawer",
        source="file tokens.csv",
        contract_id=contract_id.make("GB", "ABX", "000000001"),
    )
    form = TokenForm(kept, EnrolSettings(), shelf.store.get)
    qtbot.addWidget(form)
    assert form.token is not None
    assert replace(form.token, contract_id=kept.contract_id) == kept


def test_a_token_that_expired_is_shown_as_such(themed):
    model = TokenTableModel()
    model.show(TokenIndex([make_token("04A2", expiry=datetime(2020, 1, 1, tzinfo=UTC))]))
    assert model.index(0, Column.STATUS).data() == "⚠ Expired"


@pytest.mark.gui
async def test_an_emptied_field_is_called_wrong(qtbot, form):
    qtbot.keyClicks(form.uid, "0")
    qtbot.keyClick(form.uid, Qt.Key.Key_Backspace)
    assert reds(form) == ["uid"]


@pytest.mark.gui
async def test_a_contract_left_empty_is_made_and_the_field_says_which(qtbot, form, shelf, tasks):
    assert form.contract.placeholderText() == "made from country, party and UID"
    qtbot.keyClicks(form.uid, "04:ff:00:ab")
    made = contract_id.make(form.country.text(), form.party.text(), "04FF00AB")
    assert form.contract.placeholderText() == f"{made}, made from the UID"
    assert form.verdict.text() == "✔ can be saved", "the contract is told once"
    assert form.contract.text() == ""
    qtbot.mouseClick(form.save_button, Qt.MouseButton.LeftButton)
    await settled(tasks)
    kept = shelf.store.get("04FF00AB")
    assert (kept.uid, kept.contract_id) == ("04FF00AB", made), "a UID is kept as the reader gives it"


@pytest.mark.gui
async def test_a_contract_made_from_a_key_code_is_not_shown(qtbot, form):
    form.id_type.setCurrentText("KeyCode")
    qtbot.keyClicks(form.uid, "12345678")
    assert form.contract.placeholderText() == "made from country, party and UID"
    assert form.verdict.text() == "✔ can be saved"
    assert form.token is not None


@pytest.mark.gui
async def test_an_emaid_is_its_own_contract(qtbot, form):
    form.id_type.setCurrentText("eMAID")
    qtbot.keyClicks(form.uid, "DE-8AA-012345678")
    assert form.token.contract_id == contract_id.normalise("DE-8AA-012345678")
    form.id_type.setCurrentText("NoAuthorization")
    assert reds(form) == ["idTokenType"]
    assert form.token is None


@pytest.mark.gui
@pytest.mark.parametrize(
    ("number", "named"), [("TAG-7", "04 A2 B3 C4 D5 E6 80"), ("PIN-1", "key code PIN-1")], ids=["card", "key code"]
)
async def test_undo_names_the_card(qtbot, panel, tasks, number, named):
    notices = []
    panel.notice.connect(lambda severity, text: notices.append(text))
    select(panel, number)
    qtbot.mouseClick(panel.delete_button, Qt.MouseButton.LeftButton)
    await settled(tasks)
    assert panel.undo_button.text() == f"Deleted {named} · Undo"
    qtbot.mouseClick(panel.undo_button, Qt.MouseButton.LeftButton)
    await settled(tasks)
    assert notices == [f"Deleted {named}. Ctrl+Z brings it back.", f"Taken back: deleted {named}."]


@pytest.mark.gui
async def test_edit_keeps_what_the_form_does_not_show_and_can_change_the_uid(panel, shelf, tasks):
    before = shelf.store.get("04A2B3C4D5E680")
    select(panel, "TAG-7")
    panel.edit_button.click()
    (form,) = panel.findChildren(TokenForm)
    form.make_button.click()
    form.uid.setText("04B1C2D3E4F580")
    assert form.verdict.text() == "⚠ TAG-8 has this UID and type already; saving replaces it"
    form.uid.setText("04CC")
    form.save_button.click()
    await settled(tasks)
    assert shelf.store.get("04A2B3C4D5E680") is None
    assert shelf.store.get("04CC").visual_number == "TAG-7"
    panel.undo()
    await settled(tasks)
    assert shelf.store.get("04CC") is None
    assert shelf.store.get("04A2B3C4D5E680") == before


@pytest.mark.gui
async def test_key_codes_are_typed_like_passwords(panel):
    panel.add()
    (form,) = panel.findChildren(TokenForm)
    form.id_type.setCurrentText("KeyCode")
    assert form.uid.echoMode() is QLineEdit.EchoMode.PasswordEchoOnEdit
    form.id_type.setCurrentText("ISO14443")
    assert form.uid.echoMode() is QLineEdit.EchoMode.Normal


@pytest.mark.gui
async def test_block_and_unblock(panel, shelf, tasks):
    select(panel, "TAG-7", "TAG-8")
    assert panel.block_button.text() == "Block"
    panel.block_button.click()
    await settled(tasks)
    assert texts(panel, Column.STATUS)[:2] == ["✖ Blocked", "✖ Blocked"]
    panel.undo()
    await settled(tasks)
    assert texts(panel, Column.STATUS)[:2] == ["✔ Accepted", "✖ Blocked"]
    select(panel, "TAG-8")
    assert panel.block_button.text() == "Unblock"
    panel.block_button.click()
    await settled(tasks)
    assert shelf.store.get("04B1C2D3E4F580").effective_status is AuthorizationStatus.ACCEPTED


@pytest.mark.gui
async def test_delete_and_bring_back_by_keyboard(qapp, qtbot, panel, shelf, tasks):
    panel.table.setFocus()
    await active(qapp, panel)
    notices = []
    panel.notice.connect(lambda severity, text: notices.append(text))
    before = dict(shelf.store.tokens)
    select(panel, "TAG-7", "TAG-8")
    qtbot.keyClick(panel.table, Qt.Key.Key_Delete)
    await settled(tasks)
    assert texts(panel) == [MASK]
    assert notices == ["Deleted 2 tokens. Ctrl+Z brings them back."]
    assert panel.undo_button.text() == "Deleted 2 tokens · Undo"
    qtbot.keyClick(panel.table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    await settled(tasks)
    assert shelf.store.tokens == before
    assert not panel.undo_button.isVisible()


@pytest.mark.gui
async def test_a_store_that_refuses_is_told(panel, shelf, tasks, monkeypatch):
    async def refuse(keys, *, by="", progress=None):
        raise StoreError("the database is read-only", "make its folder writable")

    monkeypatch.setattr(shelf.store, "delete_many", refuse)
    notices = []
    panel.notice.connect(lambda *notice: notices.append(notice))
    select(panel, "TAG-7")
    panel.delete_button.click()
    await settled(tasks)
    assert notices == [("fail", "the database is read-only; make its folder writable")]
    assert not panel.undo_button.isVisible()


@pytest.mark.gui
async def test_changes_made_elsewhere_show_at_the_next_refresh(panel, shelf):
    select(panel, "TAG-8")
    await shelf.store.put(make_token("00AA", visual_number="TAG-1"))
    assert len(texts(panel)) == 3
    panel.refresh(set())
    assert texts(panel)[0] == "00AA"
    assert [token.visual_number for token in panel.selected()] == ["TAG-8"]


async def test_a_capture_holds_no_tokens_and_takes_none(qtbot, themed, stub, tasks):
    stub.link("store", LinkState.OFF, "a capture holds no tokens")
    panel = TokensPanel()
    qtbot.addWidget(panel)
    panel.attach(stub, tasks)
    assert panel._stack.currentWidget() is panel.no_store
    assert not panel.add_button.isEnabled()
    assert not panel.import_button.isEnabled()
    stub.link("store", LinkState.UP, "0 valid of 0")
    panel.attach(stub, tasks)
    assert panel._stack.currentWidget() is panel.empty
    assert panel.add_button.isEnabled()


# The menu, redo, and a store of many


@pytest.mark.gui
async def test_the_menu_of_one_token_and_of_several(qapp, panel, shelf, lively):
    shown = []
    panel.exchange_selected.connect(shown.append)
    notices = []
    panel.notice.connect(lambda severity, text: notices.append(text))
    select(panel, "TAG-7")
    panel.table.customContextMenuRequested.emit(QPoint(5, 5))
    (menu,) = panel.findChildren(QMenu)
    actions = {action.text(): action for action in menu.actions()}
    actions["Copy UID"].trigger()
    assert qapp.clipboard().text() == "04A2B3C4D5E680"
    actions["Show its latest exchange"].trigger()
    assert (shown, notices[-1]) == ([], "04 A2 B3 C4 D5 E6 80 is in none of the latest exchanges.")
    actions["Present it now (tap)"].trigger()
    ((order, tap),) = shelf.orders
    assert (order, tap.uid, tap.token_type) == ("present", "04A2B3C4D5E680", "ISO14443")
    assert shown == [1]
    actions["Show its latest exchange"].trigger()
    assert shown == [1, 1]
    menu.close()
    panel.table.selectAll()
    panel.menu.copy_values()
    assert qapp.clipboard().text().splitlines() == ["04A2B3C4D5E680", "04B1C2D3E4F580", MASK]


@pytest.mark.gui
async def test_redo_by_keyboard_and_what_another_changed_is_told(qapp, qtbot, panel, shelf, tasks):
    panel.table.setFocus()
    await active(qapp, panel)
    notices = []
    panel.notice.connect(lambda severity, text: notices.append((severity, text)))
    select(panel, "TAG-7")
    qtbot.keyClick(panel.table, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    await settled(tasks)
    panel.undo_button.click()
    await settled(tasks)
    assert panel.redo_button.isVisible()
    qtbot.keyClick(panel.table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    await settled(tasks)
    assert texts(panel, Column.STATUS)[0] == "✖ Blocked"
    assert not panel.redo_button.isVisible()
    await shelf.store.put(make_token("04A2B3C4D5E680", visual_number="theirs"))
    panel.undo()
    await settled(tasks)
    severity, text = notices[-1]
    assert severity == "fail"
    assert text.startswith("blocked 04 A2 B3 C4 D5 E6 80 cannot be taken back: 04A2B3C4D5E680 was changed since")
    assert not panel.undo_button.isVisible()


@pytest.mark.gui
async def test_a_status_and_every_column(panel, shelf):
    panel.status.setCurrentText("Blocked")
    assert texts(panel, Column.NUMBER) == ["TAG-8"]
    assert panel.count.text() == "1 of 3"
    panel.status.setCurrentText("NoCredit")
    assert panel.nothing.isVisible()
    panel.nothing.button.click()
    assert panel.count.text() == "3 tokens"
    await shelf.store.put(make_token("04CC", expiry=datetime(2999, 1, 1, tzinfo=UTC), note="two\nlines", source="api"))
    panel.refresh(set())
    for column in Column:
        for order in Qt.SortOrder:
            panel.table.sortByColumn(column, order)
            assert len(texts(panel, column)) == 4
    panel.table.sortByColumn(Column.EXPIRY, Qt.SortOrder.AscendingOrder)
    assert (texts(panel)[0], texts(panel, Column.NOTE)[0], texts(panel, Column.SOURCE)[0]) == (
        "04CC",
        "two · lines",
        "api",
    )


@pytest.mark.gui
async def test_a_card_written_otherwise_is_told_when_adding(qtbot, form):
    qtbot.keyClicks(form.uid, "80E6D5C4B3A204")
    assert form.verdict.text() == "⚠ TAG-7 may be the same card: 04A2B3C4D5E680 in the store (reversed)"
    form.uid.clear()
    qtbot.keyClicks(form.uid, "0000000000004711")
    assert "4711 in" not in form.verdict.text(), "a key code is not told of"


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (timedelta(days=3), "in 3 days"),
        (timedelta(hours=30), "in 30 h"),
        (timedelta(minutes=-5), "5 min ago"),
        (timedelta(days=-400), "13 months ago"),
        (timedelta(days=3650), "in 10 years"),
    ],
)
def test_how_far_away_a_moment_is(delta, words):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert away(now + delta, now) == words


def many(count):
    made = [make_token(f"04{number:06X}", visual_number=f"TAG-{number % 977:03}") for number in range(count)]
    return TokenIndex(made)


async def test_a_large_store_is_searched_and_sorted_in_slices(qtbot, themed):
    model = TokenTableModel()
    index = many(12_000)
    model.show(index)
    assert (model.rowCount(), model.busy) == (12_000, False), "all of them in order cost nothing"
    with qtbot.waitSignal(model.settled):
        model.search("tag-500")
        assert model.busy
        assert model.rowCount() == 12_000, "what was shown stays until it is found"
    assert {model.index(row, Column.NUMBER).data() for row in range(model.rowCount())} == {"TAG-500"}
    with qtbot.waitSignal(model.settled):
        model.search("")
        assert not model.busy
    with qtbot.waitSignal(model.settled):
        model.sort(Column.NUMBER, Qt.SortOrder.DescendingOrder)
    numbers = [model.index(row, Column.NUMBER).data() for row in range(model.rowCount())]
    assert numbers == sorted(numbers, reverse=True)
    with qtbot.waitSignals([model.settled, model.settled]):
        model.search("tag")
        index.put([make_token("00AA", visual_number="TAG-999")])
        model.show(index)
    assert model.index(0, Column.UID).data() == "00AA", "what came meanwhile is found too"
    assert model.row_of(index.get("00AA", IdTokenType.ISO14443).key) == 0


async def test_rows_keep_their_tokens_until_the_table_is_made_anew(themed):
    model = TokenTableModel()
    index = many(10)
    model.show(index)
    seen = model.index(3, Column.UID).data()
    index.put([make_token("00AA")])
    assert model.token_at(3).uid == seen, "a click hits what is shown, not what came before it since"
    model.show(index)
    assert model.token_at(4).uid == seen
    model.sort(Column.UID, Qt.SortOrder.DescendingOrder)
    assert model.token_at(10).uid == "00AA"
    assert model.row_of(index.get("00AA", IdTokenType.ISO14443).key) == 10


@pytest.mark.gui
async def test_the_bar_never_makes_a_window_of_1000_pixels_wider(qtbot, panel, tasks):
    select(panel, "TAG-7")
    panel.toggle_block()
    await settled(tasks)
    panel.delete()
    await settled(tasks)
    panel.undo()
    await settled(tasks)
    assert panel.undo_button.isVisible()
    assert panel.redo_button.isVisible()
    assert panel.undo_button.text().startswith("Blocked ")
    panel.resize(978, 300)
    assert panel.width() == 978
    assert panel.undo_button.text() == "Undo"
    buttons = [each for each in panel.findChildren(QPushButton) if each.isVisible()]
    assert all(each.width() >= each.sizeHint().width() for each in buttons)
    assert panel.sync_button.geometry().right() < panel.width()
