"""The bench as a charging station: what it says to a CSMS, what it remembers of tokens, and what follows from it. No I/O."""
