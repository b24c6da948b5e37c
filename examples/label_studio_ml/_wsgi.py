"""Upstream's server with ZegCLIP: `app` for gunicorn, or `python _wsgi.py -p 9090` for a try."""

import argparse
import logging
import os

from label_studio_ml.api import init_app
from model import ZegCLIPBackend

__all__ = ["app", "init_app"]

LOG_LEVEL = os.environ.get("LOG_LEVEL", "INFO")
logging.basicConfig(level=LOG_LEVEL, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

app = init_app(model_class=ZegCLIPBackend)


def main() -> None:
    """Serve with Flask's own server, with the options of `label-studio-ml start`."""
    parser = argparse.ArgumentParser(description="ZegCLIP in Label Studio's ML backend server")
    parser.add_argument("-p", "--port", type=int, default=9090, help="port to listen on")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on")  # noqa: S104
    parser.add_argument("-d", "--debug", action="store_true", help="Flask's debug mode")
    parser.add_argument("--log-level", default=LOG_LEVEL, help="DEBUG, INFO, WARNING or ERROR")
    parser.add_argument("--model-dir", help="accepted for `label-studio-ml start`; see ZEGCLIP_DATA_DIR")
    parser.add_argument("--check", action="store_true", help="make a model instance before listening")
    parser.add_argument("--kwargs", "--with", nargs="+", help="accepted for `label-studio-ml start`")
    parser.add_argument("--basic-auth-user", default=os.environ.get("ML_SERVER_BASIC_AUTH_USER"))
    parser.add_argument("--basic-auth-pass", default=os.environ.get("ML_SERVER_BASIC_AUTH_PASS"))
    options = parser.parse_args()
    logging.root.setLevel(options.log_level)
    if options.check:
        ZegCLIPBackend()
    server = init_app(
        model_class=ZegCLIPBackend,
        basic_auth_user=options.basic_auth_user,
        basic_auth_pass=options.basic_auth_pass,
    )
    server.run(host=options.host, port=options.port, debug=options.debug)


if __name__ == "__main__":
    main()
