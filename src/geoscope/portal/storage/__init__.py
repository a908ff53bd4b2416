"""Who may do what at the object store: users' buckets, their policies, and keys that live long."""
