"""Caller authentication: who calls from the telephone network is signed and verified (STIR/SHAKEN)."""
