"""The calls that are up now, as the SIP engine of this site sees them."""
