"""Isthmus: hybrid unified communications, one SIP domain with two homes."""
