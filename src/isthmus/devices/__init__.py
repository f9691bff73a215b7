"""Phones and their credentials: one of its own for each device, made here, never the person's password."""
