"""What a report tells of one analysis: its parts, and what it is about. No HTML here."""
