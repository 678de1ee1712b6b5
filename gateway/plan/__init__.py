"""From what is desired and what was observed to the operations that a deploy executes."""
