"""The organisation's own directory: read, compared with ours, and ours brought into line."""
