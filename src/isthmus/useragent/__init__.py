"""A SIP user agent: transactions and dialogs without I/O, and an asyncio agent that speaks through them."""
