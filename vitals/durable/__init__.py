"""A live ward that survives its process: a log of what it took in, snapshots of what it knows, and both put together again."""
