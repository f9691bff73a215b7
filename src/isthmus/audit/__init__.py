"""The audit log: who changed what, when and from where, in a chain that shows later tampering."""

from isthmus.audit.model import Actor, Entry, Origin
from isthmus.audit.store import append

__all__ = ["Actor", "Entry", "Origin", "append"]
