"""Dial plans: from what people dial to the number or service that it means."""
