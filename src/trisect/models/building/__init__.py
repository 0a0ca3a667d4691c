"""From settings to models: which parts a model is made of, and models as they were made, for weights to be loaded."""
