"""RFID readers: decoders without I/O, and the serial port under them."""
