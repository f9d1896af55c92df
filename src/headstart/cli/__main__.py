"""`python -m headstart.cli`: the terminal program, where its script is not on the path."""

from headstart.cli.main import entry

if __name__ == "__main__":
    entry()
