"""Messages to MCP servers: mutated, and read by the parsers of servers."""
