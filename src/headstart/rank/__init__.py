"""Which backbone, at which size: ranking on a sample of the pictures."""
