"""Where a request goes: `decide(request, snapshot)`, its decisions, its trace, and the snapshot it reads."""
