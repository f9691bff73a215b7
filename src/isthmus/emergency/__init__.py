"""Where somebody is who calls the emergency services, how they are called back, and who is told (docs/emergency.md)."""
