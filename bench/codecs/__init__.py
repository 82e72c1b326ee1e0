"""Bytes to typed messages and back, one module a system. A codec never raises on input: it returns Malformed."""
