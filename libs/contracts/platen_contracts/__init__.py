"""What travels between the services. `topics.CATALOGUE` says who talks to whom; the other modules are named after their owner."""
