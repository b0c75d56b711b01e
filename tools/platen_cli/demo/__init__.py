"""The main job before your eyes: a shop with varied orders, an operator who renders and sends, and a check of the result."""
