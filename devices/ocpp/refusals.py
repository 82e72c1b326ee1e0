"""Why a station is not let in although it asked properly."""

from __future__ import annotations

from devices.ocpp.handshake import Refusal

KEYRING = Refusal(
    503, "ocpp.password-unknown", "the system keyring gave no password", "unlock the keyring of this computer"
)
CSMS = Refusal(
    503, "proxy.upstream-down", "its CSMS did not answer", "look at the network between the bench and the CSMS"
)
BUG = Refusal(500, "ocpp.bug", "a fault in the test bench: it could not get ready for the station")
STOPS = Refusal(503, "ocpp.stopped", "the bench stops", "repeat when it runs again")
