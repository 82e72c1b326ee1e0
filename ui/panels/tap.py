"""Tap: the last card large, what to present and how, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from bench.card import Hint
from bench.errors import OperatorError
from bench.exchange import Exchange, TapCard, shown_uid
from bench.tokens.model import AuthorizationStatus, JosevTokenType
from ui import theme
from ui.dialogs import ask, ask_text
from ui.models.exchanges import WITHOUT_CARD, card_text, why_text
from ui.panels.base import Panel, touches
from ui.panels.findings import FindingsCard
from ui.panels.questions import QuestionCard
from ui.panels.uid_forms import ElsewhereButton
from ui.widgets import (
    VERDICT_BADGES,
    Card,
    ElidedLabel,
    GlyphLabel,
    RoleLabel,
    grouped,
    mark,
    menu_button,
    readable_ms,
)

if TYPE_CHECKING:
    from bench.change import Change
    from bench.session import Session
    from bench.tasks import Tasks

AUTO = "auto"
NONE = "none"
CARD_TYPES = (JosevTokenType.ISO14443, JosevTokenType.ISO15693, JosevTokenType.LOCAL)
"""Types a typed UID may be presented as; key code, MAC address and free charging have entries of their own."""

TAP_ORIGINS = frozenset({"tap", "authorize", "transaction", "bus"})
"""Exchanges that somebody at a reader or a charger began; a remote start is none, and stays in the list of exchanges."""
LONG_LINE = 13
"""Characters of one line in the largest font of the last card."""
LARGEST = 8.0
FONT_STEPS = ((LONG_LINE, 5.5), (16, 3.0), (48, 0.5))
"""Up to how many characters a line, what font: points over the base."""
UID_LINES = 2
"""Kept free for the UID, whatever it is: the buttons below must stay where the operator is about to click."""

BY = {
    "store": "by the store",
    "default": "by default",
    "operator": "by the operator",
    "hub": "by the hub",
    "csms": "by another CSMS",
    "list": "by the charger's local list",
    "cache": "by the charger's cache",
    "josev": "behind Josev, unseen",
    "nobody": "by nobody",
}


class TapPanel(Panel):
    """Presents cards. ``Present card`` takes the UID typed, else the last card's."""

    title = "Tap"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.last_tap: tuple[str | None, JosevTokenType] | None = None
        self._last_tap_id = 0
        self._shown_card: tuple[object, ...] | None = None
        self.card = LastCard()
        self.verdict = VerdictCard()
        self.question = QuestionCard()
        self.question.answered.connect(self._answer)
        self.findings = FindingsCard()
        self.findings.asked.connect(self.message_selected)
        self._build_controls()
        # Before the line is inside of the panel: a proxy among its own children cuts them off the Tab keys of the window (Qt 6.11).
        self.setFocusProxy(self.uid)
        stack = QVBoxLayout(self)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(8)
        stack.addWidget(self.card)
        # In the place of verdict and findings, which wait for it: nothing moves that somebody is about to click.
        stack.addWidget(self.question)
        stack.addWidget(self.verdict)
        stack.addWidget(self.findings, 1)
        stack.addStretch()
        self.setMinimumWidth(230)

    def attach(self, session: Session, tasks: Tasks) -> None:
        super().attach(session, tasks)
        chosen = self.evse.currentText()
        self.evse.clear()
        self.evse.addItem(AUTO)
        for evse in session.profile.charger.evses:
            self.evse.addItem(evse.id)
        self.evse.addItem(NONE)
        self.evse.setCurrentText(chosen if self.evse.findText(chosen) >= 0 else AUTO)
        self._show()

    def refresh(self, changes: set[tuple[Change, object]]) -> None:
        if touches(changes, "exchange", "card", "finding", "tokens", "question"):
            self._show()

    def set_joined(self, joined: bool) -> None:
        self.card.set_joined(joined)

    def remembered(self) -> dict[str, str]:
        return {"evse": self.evse.currentText(), "plugged": "yes" if self.plugged.isChecked() else "no"}

    def recall(self, values: dict[str, str]) -> None:
        evse = values.get("evse", AUTO)
        if evse and self.evse.findText(evse) < 0 and len(evse) <= 64:
            self.evse.addItem(evse)
        self.evse.setCurrentText(evse or AUTO)
        self.plugged.setChecked(values.get("plugged") == "yes" and evse != NONE)

    # Actions

    def present(self) -> None:
        """Present what is typed, else repeat the last tap, whatever it was (Ctrl+T)."""
        typed = clean_uid(self.uid.text())
        if typed:
            self._present(typed, self._typed_type())
        elif self.last_tap is not None:
            self._present(*self.last_tap)
        elif (last := self._last_card()) is not None and last.uid:
            self._present(last.uid, self._typed_type(last))
        else:
            self.uid.setFocus(Qt.FocusReason.OtherFocusReason)
            self.notice.emit("info", "Type a UID, or hold a card to the reader; then present it again from here.")

    def free_charging(self) -> None:
        """The driver asked to charge without a card (Josev API, no_authorization)."""
        self._present(None, JosevTokenType.NO_AUTHORIZATION)

    def enrol(self) -> None:
        """Put the last card into the store."""
        exchange = self._last_tap()
        if exchange is None or exchange.card is None or not exchange.card.uid:
            self.notice.emit("info", "There is no card to enrol yet: present one first.")
            return
        self.run(self._enrol(exchange.id, exchange.card), name="enrol")

    def _present(self, uid: str | None, token_type: JosevTokenType) -> None:
        if self.session is None:
            self.notice.emit("warn", "The bench is not running yet.")
            return
        from bench.session import TapRequest

        chosen = self.evse.currentText()
        evse_id = None if chosen in (AUTO, NONE) else chosen
        tap = TapRequest(uid, token_type, evse_id, plugged_in_first=self.plugged.isChecked() and chosen != NONE)
        try:
            exchange = self.session.present(tap)
        except OperatorError as error:
            self.notice.emit("fail", str(error))
            return
        self.last_tap = (uid, token_type)
        self._last_tap_id = exchange.id
        self.exchange_selected.emit(exchange.id)

    async def _enrol(self, exchange_id: int, card: TapCard) -> None:
        assert self.session is not None
        if str(Hint.RANDOM_ID) in card.hints and not await ask(
            self, "Enrol a random UID?", detail="This card shows another UID at every tap.", yes="Enrol all the same"
        ):
            return
        token = await self.session.enrol(exchange_id)
        self.notice.emit("ok", f"{shown_uid(card)} is in the store as {token.label}")

    async def _ask_and_present(self, title: str, label: str, token_type: JosevTokenType, *, hidden: bool) -> None:
        value = await ask_text(self, title, label, hidden=hidden, ok="Present")
        if value:
            self._present(value, token_type)

    def _key_code(self) -> None:
        asked = self._ask_and_present(
            "Key code", "Key code as typed on the charger:", JosevTokenType.KEY_CODE, hidden=True
        )
        self.run(asked, name="key code")

    def _answer(self, question: int, status: AuthorizationStatus, remember: bool) -> None:
        assert self.session is not None
        self.run(self.session.questions.answer(question, status, remember=remember), name="answer a question")

    def _mac_address(self) -> None:
        asked = self._ask_and_present("MAC address", "MAC address of the EV:", JosevTokenType.MAC_ADDRESS, hidden=False)
        self.run(asked, name="mac address")

    # Showing

    def _show(self) -> None:
        """One story: the card, what the store calls it and the verdict are those of the last tap."""
        assert self.session is not None
        exchange = self._last_tap()
        card = self._last_card()
        if exchange is not None and card is not None and card.reader and exchange.id > self._last_tap_id:
            # A card on the reader is the last tap from now on, not what was presented from here before it.
            self.last_tap = (card.uid, self._typed_type(card))
            self._last_tap_id = exchange.id
        without_reader = "at the charger" if exchange is not None and exchange.origin != "tap" else "typed"
        named = card is not None and bool(card.uid)
        key = (card, self._store_words(card) if named else "", without_reader, exchange and exchange.token_type)
        if key != self._shown_card:
            self._shown_card = key
            if exchange is not None and not named:
                words = WITHOUT_CARD.get(exchange.token_type, "no card").removeprefix("— ")
                self.card.show_words(words, without_reader)
            else:
                self.card.show_card(card, key[1], without_reader)
        self.verdict.show_exchange(exchange)
        self._show_question()
        self.findings.show_findings(self.session.findings)
        self.enrol_button.setEnabled(exchange is not None and named)

    def _show_question(self) -> None:
        """In the place of verdict and findings: never beside them for a moment, for which the whole window would grow."""
        session = self.session if self.has_store else None
        asked = session is not None and bool(session.questions.open)
        below = (self.verdict, self.findings)
        if asked:
            for card in below:
                card.hide()
        self.question.show_questions(session)
        if not asked:
            for card in below:
                card.show()

    def _store_words(self, card: TapCard | None) -> str:
        if card is None or self.session is None or not self.has_store:
            return ""
        token = self.session.store.get(card.uid, None)
        return "not enrolled" if token is None else token.label

    def _last_tap(self) -> Exchange | None:
        if self.session is None:
            return None
        return next((e for e in reversed(self.session.exchanges.values()) if e.origin in TAP_ORIGINS), None)

    def _last_card(self) -> TapCard | None:
        exchange = self._last_tap()
        if exchange is not None:
            return exchange.card
        read = self.session.last_card if self.session is not None else None
        if read is None:
            return None
        return TapCard(read.uid_hex, str(read.technology), "", read.reader, tuple(str(hint) for hint in read.hints))

    def _typed_type(self, card: TapCard | None = None) -> JosevTokenType:
        chosen = self.token_type.currentText()
        if chosen != AUTO:
            return JosevTokenType(chosen)
        if card is not None and card.token_type in set(CARD_TYPES):
            return JosevTokenType(card.token_type)
        return JosevTokenType.ISO14443

    # Building

    def _build_controls(self) -> None:
        body = self.card.controls
        self.uid = QLineEdit()
        self.uid.setPlaceholderText("UID to present, or the last card")
        self.uid.setAccessibleName("UID to present; empty for the last card")
        self.uid.setToolTip("Hex, with or without spaces; Enter presents it")
        self.uid.setMaxLength(64)
        self.uid.setClearButtonEnabled(True)
        self.uid.returnPressed.connect(self.present)
        self.evse = _combo("EVSE: auto leaves it to the rule of the Josev API, none leaves it out")
        self.evse.addItems([AUTO, NONE])
        self.evse.setAccessibleName("EVSE")
        self.token_type = _combo("Token type: auto takes the one of the card")
        self.token_type.setAccessibleName("Token type")
        self.token_type.addItems([AUTO, *(str(kind) for kind in CARD_TYPES)])
        self.plugged = QCheckBox("plugged in first")
        self.plugged.setToolTip("The EV was plugged in before the card: the EVSE id must then be in the request")
        self.evse.currentTextChanged.connect(self._evse_changed)
        rows = QVBoxLayout()
        rows.setSpacing(5)
        rows.addWidget(self.uid)
        picks = QHBoxLayout()
        picks.setSpacing(6)
        for words, combo in (("EVSE", self.evse), ("type", self.token_type)):
            label = QLabel(words)
            label.setBuddy(combo)
            picks.addWidget(label)
            picks.addWidget(combo, 1)
        rows.addLayout(picks)
        rows.addWidget(self.plugged)
        body.addLayout(rows)
        self.present_button = mark(QPushButton("Present card   Ctrl+T"), "primary")
        self.present_button.setAccessibleName("Present card")
        self.present_button.setToolTip("Present the UID that is typed, else the last tap again (Ctrl+T)")
        self.present_button.clicked.connect(self.present)
        body.addWidget(self.present_button)
        self.enrol_button = QPushButton("Enrol")
        self.enrol_button.setToolTip("Put the last card into the store")
        self.enrol_button.clicked.connect(self.enrol)
        self.enrol_button.setEnabled(False)
        self.other_button = menu_button("Other", self._other_menu())
        self.other_button.setToolTip("Free charging, a key code or a MAC address instead of a card")
        last = QHBoxLayout()
        last.setSpacing(4)
        last.addWidget(self.enrol_button, 1)
        last.addWidget(self.other_button, 1)
        last.addWidget(self.card.elsewhere, 1)
        body.addLayout(last)

    def _other_menu(self) -> QMenu:
        menu = QMenu(self)
        actions: tuple[tuple[str, Callable[[], None]], ...] = (
            ("Free charging", self.free_charging),
            ("Key code…", self._key_code),
            ("MAC address…", self._mac_address),
        )
        for words, slot in actions:
            menu.addAction(words).triggered.connect(slot)
        return menu

    def _evse_changed(self, chosen: str) -> None:
        self.plugged.setEnabled(chosen != NONE)
        if chosen == NONE:
            self.plugged.setChecked(False)


class LastCard(Card):
    """The last card, large; the controls of the panel stand in ``controls`` below it.

    Whatever the card, its face is as high: a second card must not move a button from under the pointer.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setAccessibleName("Last card")
        self.body.setSpacing(4)
        self.body.setContentsMargins(11, 2, 11, 10)
        self.uid_label = RoleLabel("", mono=True, delta=5.5, wrap=True)
        self.uid_label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.uid_label.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.uid_label.setFixedHeight(UID_LINES * self.uid_label.fontMetrics().lineSpacing() + 2)
        self.facts = ElidedLabel("")
        self.store = ElidedLabel("", bold=True)
        self.hints = RoleLabel("", "warn", wrap=True, delta=-0.25)
        self.elsewhere = ElsewhereButton()
        for label in (self.uid_label, self.facts, self.store):
            self.body.addWidget(label)
        below = QWidget()
        below.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.controls = QVBoxLayout(below)
        self.controls.setContentsMargins(0, 0, 0, 0)
        self.controls.setSpacing(5)
        self.body.addWidget(below)
        self.body.addWidget(self.hints)
        self.show_card(None, "")

    def show_card(self, card: TapCard | None, store: str, without_reader: str = "typed") -> None:
        """store: what the store calls it. without_reader: where a card came from that no reader of ours saw."""
        if card is None:
            self.show_words("no card yet", "Tap one, or type its UID.")
            return
        uid = shown_uid(card)
        self.elsewhere.show_card(card)
        self._write(grouped(uid))
        self.uid_label.setAccessibleName(f"UID {uid}")
        length = f"{len(uid) // 2} bytes" if grouped(uid) != uid else ""
        reader = card.reader.partition(":")[0].upper()
        kind = card.technology or card.token_type.replace("_", " ")
        self.facts.set_text(" · ".join(part for part in (kind, length, reader or without_reader) if part))
        self.store.set_text(f"store: {store}" if store else "")
        self.hints.setText("\n".join(card.hints))
        self.hints.setVisible(bool(card.hints))

    def show_words(self, large: str, small: str) -> None:
        """What stands for a card where there is none."""
        self.elsewhere.show_card(None)
        self._write(large)
        self.uid_label.setAccessibleName(large)
        self.facts.set_text(small)
        self.store.set_text("")
        self.hints.hide()

    def _write(self, text: str) -> None:
        text = two_lines(text)
        lines = text.split("\n")
        longest = max(len(line) for line in lines)
        fits = next((delta for room, delta in FONT_STEPS if longest <= room), -1.5)
        self.uid_label.setFont(theme.mono_font(fits if len(lines) > 1 or longest > LONG_LINE else LARGEST))
        self.uid_label.setText(text)


class VerdictCard(Card):
    """The verdict of the newest exchange: a word, a sign, a colour, and who decided."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(framed=False, parent=parent)
        self._key: tuple[object, ...] = ()
        top = QHBoxLayout()
        top.setSpacing(8)
        self.sign = GlyphLabel("card", "muted", 20)
        self.word = RoleLabel("", bold=True, delta=5.0)
        top.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignVCenter)
        top.addWidget(self.word, 1)
        self.by = RoleLabel("", wrap=True)
        self.facts = RoleLabel("")
        self.body.setSpacing(2)
        self.body.setContentsMargins(11, 8, 11, 9)
        self.body.addLayout(top)
        self.body.addWidget(self.by)
        self.body.addWidget(self.facts)
        self.show_exchange(None)

    def show_exchange(self, exchange: Exchange | None) -> None:
        key = () if exchange is None else (exchange.id, exchange.revision)
        if key == self._key and self.word.text():
            return
        self._key = key
        if exchange is None:
            self._paint("panel", "muted", "card", "No tap yet", "The verdict of a tap appears here.", "")
            return
        badge = VERDICT_BADGES[exchange.verdict]
        if exchange.verdict is None:
            self._paint(
                f"{badge.role}_bg", badge.role, badge.glyph, "WAITING", card_text(exchange), f"exchange {exchange.id}"
            )
            return
        facts = f"{readable_ms(exchange.total_ms)} · exchange {exchange.id}"
        self._paint(f"{badge.role}_bg", badge.role, badge.glyph, badge.word, who_decided(exchange), facts)

    def _paint(self, ground: str, role: str, glyph: str, word: str, by: str, facts: str) -> None:
        self.set_ground(ground, framed=ground == "panel")
        self.sign.set_glyph(glyph, role)
        for label, text in ((self.word, word), (self.by, by), (self.facts, facts)):
            label.set_role(role)
            label.setText(text)
        self.facts.setVisible(bool(facts))
        self.setAccessibleName(f"Verdict: {word}, {by}")


def who_decided(exchange: Exchange) -> str:
    """``by the store: TAG-7``, ``by the store: blocked (TAG-7)``."""
    by = BY.get(str(exchange.decided_by), str(exchange.decided_by or "nobody"))
    why = why_text(exchange)
    return f"{by}: {why}" if why and why != by else by


def clean_uid(text: str) -> str:
    """Hex without the separators people type, in upper case; anything else as typed, without spaces around."""
    bare = "".join(c for c in text if c not in " :-.\t")
    if bare and all(c in "0123456789abcdefABCDEF" for c in bare):
        return bare.upper()
    return text.strip()


def two_lines(text: str) -> str:
    """Groups of two broken into lines, as long UIDs stand on a card: four to a line, five for ten bytes; other text as it is."""
    parts = text.split(" ")
    if len(parts) <= 4 or any(len(part) != 2 for part in parts):
        return text
    each = 4 if len(parts) <= 8 else 5 if len(parts) <= 10 else 8
    return "\n".join(" ".join(parts[n : n + each]) for n in range(0, len(parts), each))


def _combo(tip: str) -> QComboBox:
    combo = QComboBox()
    combo.setToolTip(tip)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(2)
    return combo
