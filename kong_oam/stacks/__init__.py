"""What goes over the stacks of an estate: `move` brings components into those that its partitions
say."""
