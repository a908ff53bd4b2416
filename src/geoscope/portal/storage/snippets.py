"""Code that opens one's own bucket with a new key; each piece runs as it is shown."""

from geoscope.objects import REGION
from geoscope.portal.explorer.snippets import Snippet
from geoscope.secrets import S3Keys


def key_snippets(endpoint: str, bucket: str, keys: S3Keys) -> list[Snippet]:
    """Return the key as variables, and what boto3, xarray and rclone do with them.

    Parameters
    ----------
    endpoint : str
        Address of the S3 endpoint.
    bucket : str
        The bucket in the examples.
    keys : S3Keys
        The key with its secret.
    """
    variables = f"""\
export AWS_ACCESS_KEY_ID={keys.access_key}
export AWS_SECRET_ACCESS_KEY={keys.secret_key}
export AWS_ENDPOINT_URL_S3={endpoint}
export AWS_REGION={REGION}
"""
    boto3 = f"""\
# pip install boto3
import boto3

s3 = boto3.client("s3")
s3.put_object(Bucket="{bucket}", Key="hello.txt", Body=b"Hello!")
for entry in s3.list_objects_v2(Bucket="{bucket}")["Contents"]:
    print(entry["Key"], entry["Size"])
"""
    xarray = f"""\
# pip install xarray zarr s3fs
import xarray

dataset = xarray.Dataset({{"t": ("x", [280.5, 281.0, 279.9])}})
dataset.to_zarr("s3://{bucket}/first.zarr", mode="w")
print(xarray.open_zarr("s3://{bucket}/first.zarr").t.values)
"""
    rclone = f"""\
rclone copy ./results ":s3,env_auth,provider=SeaweedFS,endpoint='$AWS_ENDPOINT_URL_S3':{bucket}/results"
"""
    return [
        Snippet("Shell", variables),
        Snippet("boto3", boto3),
        Snippet("xarray", xarray),
        Snippet("rclone", rclone),
    ]
