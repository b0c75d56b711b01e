"""What travels between Platen's services. `topics.CATALOGUE` says who talks to whom; other modules are named after their owner."""
