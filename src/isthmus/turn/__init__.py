"""STUN and TURN for web phones: what a browser is told, and the short-lived credentials."""
