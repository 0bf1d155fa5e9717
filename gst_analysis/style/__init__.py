"""How figures look: colours, fonts, names, legends, and how they become files. No torch here."""
