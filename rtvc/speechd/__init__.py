"""A module of Speech Dispatcher: Orca, and what else speaks on a Linux desktop, speaks in a voice of yours."""
