"""`rtvc serve`: speech over HTTP in OpenAI's form, and over a WebSocket for text that is still being written."""
