"""One module per verb: what it does from end to end, in the words of the parts."""
