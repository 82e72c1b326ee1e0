"""The CSMS without I/O: OCPP-J calls and answers of one station, and what each action is answered."""
