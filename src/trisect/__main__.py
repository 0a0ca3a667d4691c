"""``python -m trisect`` is the command ``trisect``."""

import sys

from trisect.cli import main

if __name__ == "__main__":
    sys.exit(main())
