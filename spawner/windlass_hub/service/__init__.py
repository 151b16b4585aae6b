"""The hub service: what users' servers may ask of the hub side, the admins' REST interface and page, and the audit log.

A process of its own beside the hub (`python -m windlass_hub.service`), so that nothing a user does in their server can
change what is decided here, and that a slow cluster does not slow the hub. It holds the rights; it hands out results.
"""
