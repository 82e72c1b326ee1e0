"""Whether a station's certificate is its own (security profile 3)."""

from __future__ import annotations

from bench.csms.context import Context
from bench.station import Station


def proven(station: Station) -> bool:
    """Whether the certificate it showed, if any, names its id or the serial number it told. Until then nothing but its
    BootNotification is answered.
    """
    return station.peer_certificate_cn in (None, station.id, station.serial_number or None)


def fit_in_words(station: Station) -> tuple[bool | None, str]:
    """Whether its certificate fits, and why in a few words; None where that cannot be told yet or it showed none."""
    name = station.peer_certificate_cn
    if name is None:
        return None, "none shown"
    if name == station.id:
        return True, f"{name}: is its id"
    if not station.serial_number:
        return None, f"{name}: is not its id; its BootNotification will tell its serial number"
    if name == station.serial_number:
        return True, f"{name}: is its serial number"
    return False, f"{name}: is neither its id nor its serial number {station.serial_number}"


def boot_status(context: Context) -> str:
    """``Accepted``; ``Pending`` while it is to be configured first (OCPP 2.0.1 B02); ``Rejected`` for a station whose certificate
    names neither its id nor its serial number (A00.FR.405).

    Called once the BootNotification has told the serial number.
    """
    station = context.station
    name = station.peer_certificate_cn
    if name is None or name == station.id:
        return context.admission(station)
    if name == station.serial_number:
        context.notice(
            "ocpp.certificate-cn", "info", f"its certificate is for {name!r}, which is its serial number: fine"
        )
        return context.admission(station)
    context.notice(
        "ocpp.certificate-cn",
        "fail",
        f"its certificate is for {name!r}, but its id is {station.id!r} and its serial number "
        f"{station.serial_number!r}; its BootNotification is rejected (OCPP 2.0.1 A00.FR.405)",
        "give the station a certificate for its serial number: authbench certificates make FOLDER --station NAME",
    )
    return "Rejected"
