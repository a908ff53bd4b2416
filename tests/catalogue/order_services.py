"""The two services that orders need, side by side as the platform runs them all."""

from geoscope.runtime.data_apis import SideBySide
from geoscope.service import core_manifests


def create_application():
    return SideBySide(
        [manifest for manifest in core_manifests() if manifest.id in ("catalogue", "workflows")]
    )
