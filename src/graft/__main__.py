"""`python -m graft`: the same as `graft`, wherever the program's script is."""

import sys

from graft.cli import main

sys.exit(main())
