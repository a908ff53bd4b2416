"""The job worker as the platform runs it, but for its patience with backends: nobody waits for that."""

import sys

from geoscope.catalogue.orders import shipments
from geoscope.workflows import worker

if __name__ == "__main__":
    shipments.PATIENCE_S = 1.0
    sys.exit(worker.main())
