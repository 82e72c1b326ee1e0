"""What charger software tells Josev at its boot, from the profile: pure functions.

Source: Josev API, CS Parameters and Device Model. Their EVSE ids are the map between Josev's strings and OCPP's numbers.
"""

from __future__ import annotations

from bench.settings import Evse, Profile

NETWORK_INTERFACE = "eth0"
"""Where Josev runs ISO 15118. A bench has no high-level communication, so the name only has to be there."""

AC_VOLTAGE = 230

# OCPP 2.0.1 ConnectorEnumType of each ISO 15118-20 connector type, European sockets.
_OCPP_CONNECTORS = {
    "AC_single_phase_core": "cType2",
    "AC_three_phase_core": "cType2",
    "DC_core": "cCCS2",
    "DC_extended": "cCCS2",
    "DC_combo_core": "cCCS2",
    "DC_unique": "cCCS2",
}


def cs_parameters(profile: Profile) -> dict[str, object]:
    """Data of a ``cs_parameters`` response: one connector an EVSE, with identification by card (EIM)."""
    charger = profile.charger
    return {
        "sw_version": charger.firmware_version,
        "hw_version": f"{charger.vendor} {charger.model}",
        "number_of_evses": len(charger.evses),
        "parameters": [
            {
                "evse_id": evse.id,
                "supports_eim": True,
                "network_interface": NETWORK_INTERFACE,
                "connectors": [{"id": 1, "services": _services(evse)}],
            }
            for evse in charger.evses
        ],
    }


def device_model(profile: Profile, csms_url: str, basic_auth_password: str | None = None) -> dict[str, object]:
    """Data of a ``device_model`` response.

    csms_url: where the charger's OCPP client shall connect, ``ws://host:port`` or ``wss://...`` without the station's identity.
    basic_auth_password: left out when None.
    """
    charger = profile.charger
    password = {} if basic_auth_password is None else {"basic_auth_password": basic_auth_password}
    return {
        "model": charger.model,
        "vendor": charger.vendor,
        "identity": charger.identity,
        "ocpp_csms_url": csms_url,
        "security_profile": max(profile.ocpp.security.profile, 1),  # the API knows no 0
        **password,
        "serial_number": charger.serial_number,
        "firmware_version": charger.firmware_version,
        "evses": [
            {
                "ocpp_id": evse.ocpp_id,
                "iso15118_id": evse.id,
                "power_kw": evse.power_kw,
                "supply_phases": 1 if evse.connector_type == "AC_single_phase_core" else 3,
                "connectors": [{"id": 1, "connector_type": _OCPP_CONNECTORS.get(evse.connector_type, "Unknown")}],
            }
            for evse in charger.evses
        ],
        "components": [],
    }


def _services(evse: Evse) -> dict[str, object]:
    service: dict[str, object] = {"connector_type": evse.connector_type, "control_mode": "scheduled"}
    if evse.connector_type.startswith("DC"):
        return {"dc": service}
    return {"ac": {**service, "nominal_voltage": AC_VOLTAGE}}
