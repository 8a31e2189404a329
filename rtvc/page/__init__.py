"""The demo page: each tab a file, and what they share beside them. `app.py` starts it."""
