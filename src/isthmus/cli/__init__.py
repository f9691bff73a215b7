"""The command line: assembly and output. What a command does is the matter of the feature it belongs to."""
