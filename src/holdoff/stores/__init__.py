"""Stores: what keeps the gates."""

from holdoff.stores.open import default_url, open_store

__all__ = ["default_url", "open_store"]
