"""What stands in stored documents for the platform's own addresses (see `geoscope.catalogue.documents`)."""

BASE = "geoscope://base"
S3 = "geoscope://s3"
