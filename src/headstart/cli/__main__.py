"""`python -m headstart.cli`: the terminal program, where its script is not on the path."""

from headstart.cli.start import start

if __name__ == "__main__":
    start()
