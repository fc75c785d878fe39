"""Recipes, losses, masking, the training engine and run folders."""
