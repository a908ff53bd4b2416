"""Which buckets are a user's, and what they may do there."""

import re
from typing import Any

from geoscope.access import Principal
from geoscope.objects import PUBLIC_BUCKETS

# A policy of ours carries it; others in the store are left alone.
MARK = "geoscope"

# Nobody but the platform makes, removes or configures a bucket, or opens one to others.
_BUCKET_ACTIONS = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
_OBJECT_ACTIONS = [
    *("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    *("s3:GetObjectTagging", "s3:PutObjectTagging", "s3:DeleteObjectTagging"),
    *("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
]
_PLAIN = re.compile(r"[a-z][a-z0-9-]{1,38}[a-z0-9]")


def can_name_buckets(name: str) -> bool:
    """Tell whether a user's or an entity's name can stand in a bucket's; registered ones can."""
    return _PLAIN.fullmatch(name) is not None


def home_of(name: str) -> str:
    """Return the name of a user's own bucket."""
    return f"home-{name}"


def buckets_of(principal: Principal) -> list[str]:
    """Return the buckets that somebody may write to: their own, and those of their entities."""
    entities = [f"entity-{slug}" for slug in sorted(principal.entities) if can_name_buckets(slug)]
    return [home_of(principal.subject), *entities]


def policy_of(principal: Principal) -> dict[str, Any]:
    """Return what somebody may do, as an IAM policy."""
    own, public = buckets_of(principal), list(PUBLIC_BUCKETS)
    statements = [
        (_BUCKET_ACTIONS, own, ""),
        (_OBJECT_ACTIONS, own, "/*"),
        (["s3:GetBucketLocation", "s3:ListBucket"], public, ""),
        (["s3:GetObject"], public, "/*"),
    ]
    return {
        "Version": "2012-10-17",
        "Id": MARK,
        "Statement": [
            {
                "Effect": "Allow",
                "Action": actions,
                "Resource": [f"arn:aws:s3:::{bucket}{objects}" for bucket in buckets],
            }
            for actions, buckets, objects in statements
        ],
    }
