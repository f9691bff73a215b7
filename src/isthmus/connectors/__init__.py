"""Connectors: appliances beside an organisation's gateways, which online configures and which have no people."""
