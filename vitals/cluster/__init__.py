"""The live ward on several machines: partitions of beds, workers that share them, and a log that outlives any of them."""
