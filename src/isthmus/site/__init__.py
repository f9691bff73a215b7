"""One site: its file, its processes, its health."""
