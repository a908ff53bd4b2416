"""The portal by Django's own test client, before the real data services over the demo's real cubes."""

import os
import socket
import tempfile
import threading
import time
from pathlib import Path

import django
import httpx
import pytest
import uvicorn

from geoscope.access import issue_token
from geoscope.catalogue.manifest import EDITOR_ROLE
from geoscope.holdings import shared_holdings
from geoscope.manifests import core_manifests
