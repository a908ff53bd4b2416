"""The page of one's orders: products that are not online and are on their way, or have come."""
