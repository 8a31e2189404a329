"""Speaking a whole data set, on one machine or a cluster, with Ray Data."""
