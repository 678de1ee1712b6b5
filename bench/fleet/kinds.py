"""The three jobs that every tool is asked to do."""

FIRST, AGAIN, CHANGED = "first push", "no-op", "one variable changed"
