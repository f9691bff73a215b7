"""What happens while one looks: a WebSocket a browser tab, by which features tell and are asked."""
