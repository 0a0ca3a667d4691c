"""The training engine: one adapter to Lightning's Trainer, schedules, checkpoints."""
