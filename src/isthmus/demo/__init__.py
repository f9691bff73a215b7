"""The product on one machine: two sites and a simulated carrier, each on a loopback address of its own."""
