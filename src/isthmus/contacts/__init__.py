"""Whom people keep in view: lists of contacts, kept at their homes."""
