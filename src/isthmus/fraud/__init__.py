"""Limits of what calls to the PSTN may come to a day, and numbers that are blocked (docs/fraud.md)."""
