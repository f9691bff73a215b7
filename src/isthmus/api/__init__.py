"""HTTP: the features' routes put together into the three applications of a site's control service."""

from isthmus.api.apps import link_app, local_app, web_app
from isthmus.api.connector import connector_app

__all__ = ["connector_app", "link_app", "local_app", "web_app"]
