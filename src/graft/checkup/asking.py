"""How the command is called; nothing heavy is imported here."""

HELP = """\
Looks at this machine as a training would find it: versions, devices, precision, extras, folders, Weights & Biases, the
model hub, git. Says what is wrong and what to do, and ends with 1 where a training would stop.

Usage: graft doctor                          for what `graft train` would run
       graft doctor trainer=gpu strategy=lora   for another training: overrides as for `graft train`
       graft doctor sweep=tpe launcher=ray      for a search: its launcher and its storage too"""
