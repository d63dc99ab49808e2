"""SAMNet, samnet-edge, samnet-lite and the parts that they are made of."""
