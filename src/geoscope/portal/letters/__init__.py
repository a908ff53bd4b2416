"""Mails about decisions: kept until the mail server took them."""
