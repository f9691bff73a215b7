"""Tenants, domains, people and numbers: who exists, and where each one lives."""
