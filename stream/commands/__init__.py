"""What each command does, once `stream.cli` has read its arguments."""
