"""The engines a site runs: their configuration, their protocols, and the thin adapters that talk to them."""
