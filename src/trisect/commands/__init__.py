"""The verbs of the command line, a module each with ``run(arguments)``; nothing loads before its verb is given."""
