"""The verbs of the command line, one module each with ``run(arguments)``; a module is imported only for its verb."""
