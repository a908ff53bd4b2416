"""How dates are written where Django's own choice is one country's."""
