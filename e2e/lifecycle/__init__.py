"""Random facts about who may send, and whether everybody was told of all that followed."""
