"""What people ask of an order, a family of actions a module. The answer is exactly one reply to each command."""
