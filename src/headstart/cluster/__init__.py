"""Work on the machines of a Ray cluster (extra `ray`): what is done there is the caller's."""
