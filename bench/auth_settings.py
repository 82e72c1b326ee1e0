"""The authorization settings of a station by their meaning: one plain name for a 1.6 key and a 2.x variable.

Sources: OCPP 1.6 section 9 (configuration keys), OCPP 2.0.1 appendices (AuthCtrlr, AuthCacheCtrlr, LocalAuthListCtrlr, TxCtrlr,
ISO15118Ctrlr) with errata; the pairing is that of EVerest's ``v16_to_v2_mapping.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bench.errors import BadInput, NotFound

MAX_TEXT_16 = 500
"""Characters of a value in ChangeConfiguration (OCPP 1.6 section 6.9)."""

MAX_TEXT_2X = 1000
"""Characters of attributeValue in SetVariables (OCPP 2.0.1 SetVariableDataType)."""

MAX_INTEGER = 2**31 - 1


class Kind(StrEnum):
    """What a value is."""

    BOOL = "bool"
    SECONDS = "seconds"
    INTEGER = "integer"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    name: as in the API. means: one sentence. key_16: configuration key of OCPP 1.6, None where it has none. component, variable:
    of OCPP 2.x, empty where it has none. attribute: of the variable, ``Actual`` or ``MaxSet``. unit: ``s``, ``Wh``, ``B`` or empty.
    """

    name: str
    means: str
    kind: Kind
    key_16: str | None
    component: str = ""
    variable: str = ""
    read_only: bool = False
    unit: str = ""
    attribute: str = "Actual"

    def address(self, version: str) -> str:
        """Where that version keeps it: a key, ``component.variable``, or empty where the version does not know it."""
        if version == "1.6":
            return self.key_16 or ""
        return f"{self.component}.{self.variable}" if self.component else ""

    def wire_value(self, version: str, value: bool | int | str) -> str:
        """A value as it is written on the wire: ``true``, ``30``, text.

        Raises:
            BadInput: it is no value of this kind, or too long.
        """
        text = str(value).lower() if isinstance(value, bool) else str(value).strip()
        if self.kind is Kind.BOOL:
            if text.lower() not in ("true", "false"):
                raise BadInput(f"{self.name} is true or false, not {_shown(text)}")
            return text.lower()
        if self.kind is Kind.TEXT:
            limit = MAX_TEXT_16 if version == "1.6" else MAX_TEXT_2X
            if len(text) > limit:
                raise BadInput(f"{self.name} holds {limit} characters, got {len(text)}", "use a shorter text")
            return text
        if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= MAX_INTEGER):
            unit = f" of {self.unit}" if self.unit else ""
            raise BadInput(f"{self.name} is a whole number{unit} from 0 to {MAX_INTEGER}, not {_shown(text)}")
        return str(int(text))


def setting(name: str) -> Setting:
    """A setting by its plain name.

    Raises:
        NotFound: there is none of that name.
    """
    found = SETTINGS.get(name)
    if found is None:
        raise NotFound(f"there is no setting {_shown(name)}", f"settings: {', '.join(SETTINGS)}")
    return found


def _shown(text: str) -> str:
    return repr(text[:40])


_AUTH, _CACHE, _LIST, _TX, _ISO = "AuthCtrlr", "AuthCacheCtrlr", "LocalAuthListCtrlr", "TxCtrlr", "ISO15118Ctrlr"

_TABLE = (
    Setting("authorization-enabled", "A token is needed to charge at all.", Kind.BOOL, None, _AUTH, "Enabled"),
    Setting(
        "authorize-remote-starts",
        "The token of a remote start is authorized like a card before the charge starts.",
        Kind.BOOL,
        "AuthorizeRemoteTxRequests",
        _AUTH,
        "AuthorizeRemoteStart",
    ),
    Setting(
        "local-authorize-offline",
        "Without its CSMS the station decides by its list and cache.",
        Kind.BOOL,
        "LocalAuthorizeOffline",
        _AUTH,
        "LocalAuthorizeOffline",
    ),
    Setting(
        "local-pre-authorize",
        "A token accepted in list or cache starts at once, without asking the CSMS first.",
        Kind.BOOL,
        "LocalPreAuthorize",
        _AUTH,
        "LocalPreAuthorize",
    ),
    Setting(
        "unknown-offline",
        "Without its CSMS the station lets a token charge that it does not know.",
        Kind.BOOL,
        "AllowOfflineTxForUnknownId",
        _AUTH,
        "OfflineTxForUnknownIdEnabled",
    ),
    Setting(
        "remote-authorization-disabled",
        "The station never asks the CSMS; only its list and cache decide.",
        Kind.BOOL,
        None,
        _AUTH,
        "DisableRemoteAuthorization",
    ),
    Setting(
        "master-pass-group",
        "Tokens of this group may stop the charge of anybody, and start none.",
        Kind.TEXT,
        None,
        _AUTH,
        "MasterPassGroupId",
    ),
    Setting(
        "additional-info-items",
        "So many additionalInfo entries of a token are sent in one message.",
        Kind.INTEGER,
        None,
        _AUTH,
        "AdditionalInfoItemsPerMessage",
        read_only=True,
    ),
    Setting(
        "token-types",
        "The kinds of token that the station can read.",
        Kind.TEXT,
        None,
        _AUTH,
        "SupportedIdTokenTypes",
        read_only=True,
    ),
    Setting("cache-available", "The station has a cache.", Kind.BOOL, None, _CACHE, "Available", read_only=True),
    Setting(
        "cache-enabled",
        "What the CSMS answered of a token is remembered and used for the next tap.",
        Kind.BOOL,
        "AuthorizationCacheEnabled",
        _CACHE,
        "Enabled",
    ),
    Setting(
        "cache-life-time",
        "A remembered answer is forgotten so long after it was last updated.",
        Kind.SECONDS,
        None,
        _CACHE,
        "LifeTime",
        unit="s",
    ),
    Setting(
        "cache-policy",
        "Which entry makes room in a full cache: LRU, LFU, FIFO, CUSTOM.",
        Kind.TEXT,
        None,
        _CACHE,
        "Policy",
    ),
    Setting(
        "cache-storage",
        "Bytes that the cache takes now.",
        Kind.INTEGER,
        None,
        _CACHE,
        "Storage",
        read_only=True,
        unit="B",
    ),
    Setting(
        "cache-no-second-ask",
        "A token that is refused in the cache is refused without asking the CSMS.",
        Kind.BOOL,
        None,
        _CACHE,
        "DisablePostAuthorize",
    ),
    Setting("list-available", "The station has a local list.", Kind.BOOL, None, _LIST, "Available", read_only=True),
    Setting(
        "list-enabled", "The local list decides about its tokens.", Kind.BOOL, "LocalAuthListEnabled", _LIST, "Enabled"
    ),
    Setting("list-entries", "Entries in the list now.", Kind.INTEGER, None, _LIST, "Entries", read_only=True),
    Setting(
        "list-capacity",
        "So many entries the list can hold.",
        Kind.INTEGER,
        "LocalAuthListMaxLength",
        _LIST,
        "Entries",
        read_only=True,
        attribute="MaxSet",
    ),
    Setting(
        "list-items-per-message",
        "So many entries one SendLocalList may carry.",
        Kind.INTEGER,
        "SendLocalListMaxLength",
        _LIST,
        "ItemsPerMessage",
        read_only=True,
    ),
    Setting(
        "list-bytes-per-message",
        "So many bytes one SendLocalList may have.",
        Kind.INTEGER,
        None,
        _LIST,
        "BytesPerMessage",
        read_only=True,
        unit="B",
    ),
    Setting(
        "list-storage", "Bytes that the list takes now.", Kind.INTEGER, None, _LIST, "Storage", read_only=True, unit="B"
    ),
    Setting(
        "list-no-second-ask",
        "A token that is refused in the list is refused without asking the CSMS.",
        Kind.BOOL,
        None,
        _LIST,
        "DisablePostAuthorize",
    ),
    Setting(
        "list-expiry",
        "The station honours the expiry of a list entry.",
        Kind.BOOL,
        None,
        _LIST,
        "SupportsExpiryDateTime",
        read_only=True,
    ),
    Setting(
        "connection-time-out",
        "An authorization ends when no vehicle is plugged in for so long.",
        Kind.SECONDS,
        "ConnectionTimeOut",
        _TX,
        "EVConnectionTimeOut",
        unit="s",
    ),
    Setting(
        "stop-on-invalid-id",
        "A charge ends when the CSMS answers that its token is not accepted.",
        Kind.BOOL,
        "StopTransactionOnInvalidId",
        _TX,
        "StopTxOnInvalidId",
    ),
    Setting(
        "max-energy-on-invalid-id",
        "So much energy is still given after the CSMS did not accept the token.",
        Kind.INTEGER,
        "MaxEnergyOnInvalidId",
        _TX,
        "MaxEnergyOnInvalidId",
        unit="Wh",
    ),
    Setting(
        "transaction-starts", "What must be true before a transaction starts.", Kind.TEXT, None, _TX, "TxStartPoint"
    ),
    Setting("transaction-stops", "What ends a transaction.", Kind.TEXT, None, _TX, "TxStopPoint"),
    Setting(
        "central-contract-validation",
        "A contract certificate whose root the station lacks is sent to the CSMS.",
        Kind.BOOL,
        "CentralContractValidationAllowed",
        _ISO,
        "CentralContractValidationAllowed",
    ),
    Setting(
        "contract-validation-offline",
        "Without its CSMS the station checks contract certificates itself instead of refusing them.",
        Kind.BOOL,
        "ContractValidationOffline",
        _ISO,
        "ContractValidationOffline",
    ),
)

SETTINGS: dict[str, Setting] = {entry.name: entry for entry in _TABLE}
"""By plain name, in the order in which they are shown."""
