"""Accounts of administrators and people: passwords, second factors, sessions, API tokens, roles they hold."""
