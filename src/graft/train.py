"""`graft train`: from a config to a run folder."""



