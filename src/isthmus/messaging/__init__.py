"""Messages between people of both homes: conversations, their copies at each home, files, search (docs/messages.md)."""
