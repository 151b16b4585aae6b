"""Where each handler of the broker lies, below the service's prefix."""

from __future__ import annotations

from .budget_decisions import BudgetDecisionHandler, InternalBudgetHandler
from .capacity import CapacityHandler
from .catalogue import ImagesHandler, PricesHandler, ProfilesHandler
from .costs import BudgetsHandler, CostsHandler, ServerCostHandler
from .exposition import ExpositionHandler
from .health import HealthHandler
from .internal import InternalCapacityHandler
from .me import MeHandler
from .metrics import MetricsHandler
from .model_reads import ModelReadsHandler
from .promotions import (
    MODEL,
    ModelPromotionsHandler,
    ModelVersionsHandler,
    PromotionAnswerHandler,
    PromotionComparisonHandler,
    PromotionsHandler,
    PromotionTermsHandler,
)
from .token import TokenHandler

ROUTES: tuple[tuple[str, type], ...] = (
    (r"api/health", HealthHandler),
    (r"api/me", MeHandler),
    (r"api/token", TokenHandler),
    (r"api/prices", PricesHandler),
    (r"api/images", ImagesHandler),
    (r"api/profiles", ProfilesHandler),
    (r"api/capacity", CapacityHandler),
    (r"api/metrics", MetricsHandler),
    (r"api/promotions", PromotionsHandler),
    (rf"api/models/{MODEL}/promotions", ModelPromotionsHandler),
    (rf"api/models/{MODEL}/promotions/([0-9]{{1,18}})", PromotionAnswerHandler),
    (rf"api/models/{MODEL}/promotions/([0-9]{{1,18}})/comparison", PromotionComparisonHandler),
    (rf"api/models/{MODEL}/versions", ModelVersionsHandler),
    (rf"api/models/{MODEL}/promotion-terms", PromotionTermsHandler),
    (r"api/audit/model-reads", ModelReadsHandler),
    (r"api/costs", CostsHandler),
    (r"api/budgets", BudgetsHandler),
    (r"api/server-cost", ServerCostHandler),
    (r"api/admin/budgets/([^/]+)/([^/]+)/([^/]+)", BudgetDecisionHandler),
    (r"metrics", ExpositionHandler),
    (r"api/internal/capacity", InternalCapacityHandler),
    (r"api/internal/budget", InternalBudgetHandler),
)
