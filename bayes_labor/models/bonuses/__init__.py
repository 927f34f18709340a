"""Models of bonuses and promotions."""
