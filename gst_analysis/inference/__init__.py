"""Inference: networks and clips in, per-frame logits, predictions and accuracies out."""
