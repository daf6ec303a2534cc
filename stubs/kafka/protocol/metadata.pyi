from typing import Any

MetadataRequest: Any
