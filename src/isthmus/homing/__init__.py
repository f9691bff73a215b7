"""Where people live, and the move from one home to the other."""
