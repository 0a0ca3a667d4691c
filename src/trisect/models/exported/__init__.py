"""Models in folders for others: what ``model.json`` says, and reading what anybody exported."""
