"""The order status: the words are the product's, and nothing else is called a status. The rules live in services/orders."""

from enum import StrEnum


class OrderStatus(StrEnum):
    NEW = "New"
    READY = "Ready to send"
    SENT = "Sent"
    FULFILLED = "Fulfilled"
    FAILED = "Failed to send"
    ARCHIVED = "Archived"


class ItemState(StrEnum):
    MISSING_ARTWORK = "Missing artwork"
    TO_RENDER = "To render"
    READY = "Ready"
    PROCESSING = "Processing"
    SENT = "Sent"
    FAILED = "Failed"
    FULFILLED = "Fulfilled"
    IGNORED = "Ignored"


class FileState(StrEnum):
    NONE = "none"
    RENDERING = "rendering"
    CURRENT = "current"
    STALE = "stale"
    FAILED = "failed"


class ActivityKind(StrEnum):
    NONE = "none"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    IN_DOUBT = "in doubt"


class VendorStatus(StrEnum):
    """What a vendor says of an order, in neutral words; its own word is kept beside it."""

    DRAFT = "draft"
    ACCEPTED = "accepted"
    IN_PRODUCTION = "in_production"
    ON_HOLD = "on_hold"
    ACTION_REQUIRED = "action_required"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNKNOWN = "unknown"
