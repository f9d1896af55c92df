"""What an answer rests on: which places of a picture speak for a class."""
