"""Training: a recipe and a dataset in, checkpoints and a log out. The loop runs on Lightning Fabric."""
