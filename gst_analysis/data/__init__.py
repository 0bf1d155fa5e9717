"""Data: annotation files in, sampled, decoded and transformed clips out."""
