"""Voice routes: by which trunks the calls of which tenant go to the PSTN. How one is chosen: routing/pstn.py."""
