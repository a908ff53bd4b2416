"""What was decided about people's rights, by whom: a log that cannot be edited."""
