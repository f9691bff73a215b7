"""How numbers and headers look on a trunk: rules, profiles, and who forwarded a call (docs/trunks.md)."""
