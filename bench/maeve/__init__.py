"""What the MaEVe CSMS API keeps for this bench: charge stations with their orders, client certificates, OCPI locations."""
