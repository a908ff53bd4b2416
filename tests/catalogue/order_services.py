"""The two services that orders need, side by side as the platform runs them all."""

from geoscope.manifests import core_manifests
from geoscope.runtime.data_apis import SideBySide


def create_application():
    return SideBySide(
        [manifest for manifest in core_manifests() if manifest.id in ("catalogue", "workflows")]
    )
