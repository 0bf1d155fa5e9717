"""What commands are made of: shared options, and what they print with. No science here."""
