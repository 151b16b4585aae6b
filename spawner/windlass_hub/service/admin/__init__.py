"""The admins' REST interface: the catalogue with its history, a preview of pods, who runs what, and the audit log.

Every address is below `api/admin/`. Reading needs `profiles:read`, changing `profiles:write`, money `costs:read`.
"""

from __future__ import annotations

from .audit_log import AuditHandler
from .catalogue import CatalogueHandler, ValidateHandler
from .history import HistoryHandler, RestoreHandler, VersionHandler
from .preview import PreviewHandler
from .servers import ServersHandler
from .yaml_text import YamlHandler

ROUTES: tuple[tuple[str, type], ...] = (
    (r"api/admin/catalogue", CatalogueHandler),
    (r"api/admin/catalogue/validate", ValidateHandler),
    (r"api/admin/catalogue/yaml", YamlHandler),
    (r"api/admin/history", HistoryHandler),
    (r"api/admin/history/([0-9]{1,9})", VersionHandler),
    (r"api/admin/history/([0-9]{1,9})/restore", RestoreHandler),
    (r"api/admin/preview", PreviewHandler),
    (r"api/admin/servers", ServersHandler),
    (r"api/admin/audit", AuditHandler),
)
"""Patterns below the service's prefix, and their handlers."""
