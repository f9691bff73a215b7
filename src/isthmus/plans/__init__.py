"""Calling plans: minutes, credit, and what calls by the service's carriers cost."""
