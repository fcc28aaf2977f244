"""``python -m cbecmodel`` is the command ``cbecmodel``."""

from cbecmodel.cli import main

if __name__ == "__main__":
    main()
