"""The OCPP link's sockets: WebSocket server for the CSMS role."""
