"""REST and socket handlers: authenticate, authorize, parse, call one service, answer."""
