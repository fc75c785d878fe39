"""Recipes: the settings of a training as files, and how they are changed."""
