"""OCPI 2.2: who is registered with this bench, and the registration handshake from either side."""
