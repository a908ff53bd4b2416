"""The pages of those who publish collections of their own."""
