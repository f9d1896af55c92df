"""`python -m headstart`: the terminal program, where its script is not on the path."""

from headstart.cli.__main__ import start

if __name__ == "__main__":
    start()
