"""What workers run: functions that take and return JSON."""
