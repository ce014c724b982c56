"""Kong-OAM without the engine: what Applications mean, what is known of the products, and the command line."""
