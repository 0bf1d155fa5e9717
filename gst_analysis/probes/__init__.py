"""What several analyses measure with: hooks, gradients, streams of clips, confidence intervals."""
