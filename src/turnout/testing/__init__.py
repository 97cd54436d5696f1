"""What tests of Turnout, and of new kinds on its seams, need: part of the package, imported by nothing else in it."""
